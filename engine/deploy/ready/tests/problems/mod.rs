mod containers;
mod crashes;
mod images;
mod objects;
mod pods;
