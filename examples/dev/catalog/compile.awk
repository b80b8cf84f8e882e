BEGIN { FS = "," }
NF != 2 { print FILENAME ":" FNR ": expected NAME,PRICE" >"/dev/stderr"; exit 1 }
{ print "<p>" $1 ": " $2 "</p>" }
