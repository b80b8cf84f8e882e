mod fixture;
mod kinds;
mod messages;
mod problems;
mod robust;
mod seen;
mod summaries;
