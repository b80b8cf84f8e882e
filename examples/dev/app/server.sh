# Makes its page when it starts, and serves it.
mkdir -p /site
echo "<h1>$(cat /app/greeting)</h1>" >/site/index.html
echo "serving $(cat /app/greeting)"
exec busybox httpd -f -p 8080 -h /site
