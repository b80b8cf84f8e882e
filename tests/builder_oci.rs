//! Images assembled without a daemon: identical to the daemon's images, identical on any machine, and the first command
//! of the README without a daemon or a cluster.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lzma_rust2::{XzOptions, XzWriter};
use serde_json::{Value, json};
use windlass::event::Events;
use windlass::image::Digest;
use windlass::oci::{BlobStore, Compression, ImageOrigin, LayerWriter, StoredImage};
use windlass::registry::{CredentialStore, RegistryClient};

use crate::harness::{
    Daemon, ImageStore, ImageTree, ModernDaemon, Project, Registry, TestRepository, stored,
};

/// A Dockerfile that both builders build; `BASE` is replaced with an image that contains `bin/busybox`, links to it,
/// users, and links between directories.
struct Case {
    name: &'static str,
    dockerfile: &'static str,
}

/// The base image of the cases, which both builders make from the files below.
const BASE: &str = "FROM BUSYBOX\nCOPY base/etc /etc/\nCOPY base/links /\nCOPY --chown=7:8 base/tmp /tmp\nENV BASE=1 SUB=sub\nLABEL a=base b=base\nCMD [\"from\", \"base\"]\nWORKDIR /base\n";

const CASES: &[Case] = &[
    Case {
        name: "copy-file",
        dockerfile: "FROM scratch\nCOPY a.txt /x\nCOPY a.txt b.txt /folder/\nCOPY a.txt relative\n",
    },
    Case {
        name: "copy-folder",
        dockerfile: "FROM scratch\nCOPY dir /d\nCOPY dir/ /e/\nCOPY dir/sub /d\nCOPY . /all/\n",
    },
    Case {
        name: "copy-links",
        dockerfile: "FROM scratch\nCOPY link.txt /l\nCOPY link.txt /f/\nCOPY dirlink /d\nCOPY dir/lnk /e/\nCOPY dangling.d /g\n",
    },
    Case {
        name: "globs",
        dockerfile: "FROM scratch\nCOPY *.txt /t/\nCOPY d*/s*b /s/\nCOPY dir/s?b/*.txt /q/\nCOPY [ab].txt /c/\nCOPY none* /n/\nCOPY dir* /m\nCOPY dir/none* dir/*/none* a.txt/n* /o/\n",
    },
    Case {
        name: "owners",
        dockerfile: "FROM scratch AS a\nCOPY --chown=1:2 a.txt /f\nCOPY --chown=7 dir /new/deep/\nCOPY --chmod=755 a.txt /x\nFROM scratch\nCOPY --from=a / /all/\nCOPY --from=a --chown=3:4 /new /n\n",
    },
    Case {
        name: "users",
        dockerfile: "FROM BASE\nCOPY --chown=ann:staff a.txt /ann\nCOPY --chown=ann b.txt /made/\nCOPY --chown=9:staff a.txt /nine\nUSER ann\nWORKDIR home/x\nCOPY a.txt .\n",
    },
    Case {
        name: "image-links",
        dockerfile: "FROM BASE\nCOPY a.txt /var/run/a\nCOPY b.txt /var/run/\nCOPY a.txt /to-file\nCOPY a.txt /dangling\nCOPY dir /up/d\nCOPY a.txt bin/\nWORKDIR /var/run/w\n",
    },
    Case { name: "rights-above", dockerfile: "FROM BASE\nCOPY a.txt /tmp/deep/a\nCOPY b.txt /etc/b\n" },
    Case {
        name: "overwrite",
        dockerfile: "FROM BASE\nCOPY b.txt /etc/passwd\nCOPY dir /etc\nCOPY --chmod=700 dir /etc\nCOPY a.txt /bin/cat\n",
    },
    Case {
        name: "stages",
        dockerfile: "ARG WHERE=/one\nFROM scratch AS One\nARG WHERE\nCOPY a.txt $WHERE/\nFROM scratch AS unused\nCOPY gone.txt /\nFROM one AS two\nCOPY b.txt $WHERE/\nCOPY --from=0 /one/a.txt two/\nFROM BASE\nCOPY --from=two / /\nCOPY --from=one /one/*.txt /three/\n",
    },
    Case {
        name: "from-image",
        dockerfile: "FROM scratch\nCOPY --from=BASE /etc /etc\nCOPY --from=BASE /bin/sh /bin/cat /bin/\nCOPY --from=BASE /var/run/ /run\n",
    },
    Case {
        name: "workdir",
        dockerfile: "FROM scratch\nWORKDIR /a/b\nWORKDIR c\nWORKDIR ../d\nCOPY a.txt .\nCOPY b.txt ./e/\nWORKDIR /\nWORKDIR /a/b\n",
    },
    Case {
        name: "config",
        dockerfile: "FROM scratch\nCOPY a.txt /\nMAINTAINER me <me@x.io>\nLABEL b=1 a=\"x y\" \"c d\"='e'\nLABEL old form here\nEXPOSE 80 53/udp 8000-8002\nVOLUME /v /w\nVOLUME [\"/x y\"]\nSTOPSIGNAL SIGTERM\nUSER 5:6\nENV A=1 B=\"x $A\" C=$A\nENV D $A old form\nENV E=${A:-no}${F:-f}\nONBUILD COPY a.txt /o\nONBUILD RUN make all\nCMD echo $HOME\n",
    },
    Case { name: "command", dockerfile: "FROM BASE\nENTRYPOINT [\"sh\", \"-c\"]\n" },
    Case { name: "command-kept", dockerfile: "FROM BASE\nCMD [\"new\"]\nENTRYPOINT sh -c\n" },
    Case {
        name: "command-of-stage",
        dockerfile: "FROM scratch AS a\nCOPY a.txt /\nCMD [\"a\"]\nFROM a\nENTRYPOINT [\"b\"]\n",
    },
    Case {
        name: "shell",
        dockerfile: "FROM scratch\nCOPY a.txt /\nSHELL [\"/bin/x\", \"-e\", \"-c\"]\nCMD a  b\nENTRYPOINT c\n",
    },
    Case {
        name: "health",
        dockerfile: "FROM scratch\nCOPY a.txt /\nHEALTHCHECK --interval=5s --timeout=1m30s --retries=3 CMD [\"a\", \"b\"]\n",
    },
    Case { name: "health-shell", dockerfile: "FROM scratch\nCOPY a.txt /\nHEALTHCHECK CMD a b || exit 1\n" },
    Case { name: "health-none", dockerfile: "FROM scratch\nCOPY a.txt /\nHEALTHCHECK NONE\n" },
    Case {
        name: "args",
        dockerfile: "ARG GLOBAL=g\nFROM scratch\nARG GLOBAL\nARG GIVEN=default\nARG UNSET\nARG NEXT=$GIVEN-x\nENV SEEN=$GLOBAL.$GIVEN.$UNSET.$NEXT\nARG SEEN2=a\nENV SEEN2=b$SEEN2\nLABEL l=$SEEN2 arch=$TARGETARCH\nARG TARGETARCH TARGETPLATFORM\nLABEL p=$TARGETARCH.$TARGETPLATFORM\nCOPY $GIVEN.txt /$NEXT/\n",
    },
    Case {
        name: "onbuild",
        dockerfile: "FROM scratch AS a\nENV D=dir\nONBUILD COPY $D /d/\nONBUILD ENV E=1\nFROM a AS b\nONBUILD LABEL x=y\nFROM b\n",
    },
    Case {
        name: "add",
        dockerfile: "FROM BASE\nADD a.txt /add/\nADD files.tar /tar\nADD files.tar.gz dir /gz/\nADD files.tar /tmp\nADD not.tar.gz /n/\nADD files.tar /var/run\n",
    },
    Case {
        name: "add-packed",
        dockerfile: "FROM BASE\nADD files.tar.bz2 /bz2/\nADD files.tar.xz /xz\nADD files.tar.xz files.tar.bz2 dir /tmp/\nADD not.tar.bz2 not.tar.xz /n/\nCOPY files.tar.xz files.tar.bz2 /packed/\n",
    },
    Case {
        name: "escape",
        dockerfile: "# escape=`\nFROM scratch\nENV A=1 `\n  B=a\\b\nCOPY a.txt `\n  /x\n",
    },
    Case {
        name: "names",
        dockerfile: "FROM scratch\nCOPY [\"with space\", \"/with space/\"]\nCOPY \u{fc}.txt /\nCOPY long /long/\nCOPY empty /empty\n",
    },
    Case { name: "nothing", dockerfile: "FROM BASE\n" },
    Case {
        name: "documents",
        dockerfile: "FROM BASE\nENV NAME=world\nCOPY <<EOF <<-'raw' /docs/\nhello \"$NAME\" \\$NAME ${NAME:-x} ${NONE:-'y'} \\\\ \\n\nEOF\n\tkeeps $NAME\n\t\ttwice\nraw\nCOPY --chown=3 --chmod=600 <<EOF /single\none\nEOF\nCOPY <<-EOF <<\"quoted\" a.txt /mix/\n\ttab $NAME\n\t\ttwo\n\tEOF\nin quotes $NAME\nquoted\nADD <<EOF /added\nx\nEOF\nCOPY <<EOF rel/f\nEOF\nCOPY --chmod=604 <<$NAME /docs/\nx\n$NAME\nADD --chown=ann <<a.tar /var/run/\nx\na.tar\n",
    },
    Case {
        name: "linked",
        dockerfile: "FROM BASE\nCOPY --link a.txt /new/deep/\nCOPY --link --chown=5:6 a.txt /tmp/linked/\nCOPY --link dir /etc/\nCOPY --link --chmod=750 dir /etc/\nADD --link files.tar /unpacked/\nCOPY --link=false a.txt /var/run/\nCOPY --link a.txt rel\n",
    },
    Case {
        name: "linked-from",
        dockerfile: "FROM BASE AS a\nCOPY dir /d\nFROM BASE\nCOPY --link --from=a /d /e\nCOPY --link --from=0 --chown=9 /d/top.txt /etc/\n",
    },
    Case {
        name: "exclude",
        dockerfile: "FROM BASE\nCOPY --exclude=*.txt --exclude=sub dir /some/\nCOPY --exclude=**/*.txt . /all/\nCOPY --exclude=sub/* dir /sub/\nCOPY --exclude=* --exclude=!top.txt dir /not/\nCOPY --exclude=sub --exclude=!sub/s.txt dir /back/\nADD --exclude=*.gz --exclude=with* . /add/\nARG P=top\nCOPY --exclude=$P.* dir /var/\n",
    },
    Case {
        name: "exclude-files",
        dockerfile: "FROM scratch\nCOPY --exclude=b.* *.txt /t/\nCOPY --exclude=a.txt a.txt b.txt /u/\nCOPY --exclude=dir dir /d/\nCOPY --exclude=dir/sub dir /e/\nCOPY --exclude=sub d* /f/\n",
    },
    Case { name: "parents", dockerfile: "FROM scratch\nCOPY --parents dir/sub/s.txt a.txt /p/\n" },
    Case {
        name: "chmod-there",
        dockerfile: "FROM BASE\nCOPY --chmod=604 a.txt /x\nCOPY --chmod=1777 dir /tmp/\nCOPY --chmod=0 a.txt b.txt /etc/\nCOPY --chmod=2750 link.txt /bin/cat\nADD --chmod=0700 dir/sub files.tar.gz /run/\n",
    },
    Case {
        name: "chmod",
        dockerfile: "FROM BASE\nCOPY --chmod=777 dir /open/deep/\nCOPY --chmod=1777 dir /sticky/\nCOPY --chmod=4755 a.txt /setuid/a\nCOPY --chmod=2750 dir /setgid\nCOPY --chmod=0 a.txt /zero/a\nCOPY --chmod=0644 b.txt /four\nCOPY --chmod=700 dir/lnk link.txt /links/\nCOPY --chmod=750 . /all\nADD --chmod=750 files.tar /unpacked/deep/\nADD --chmod=705 dir a.txt b.txt /added/\nARG MODE=604\nCOPY --chmod=$MODE a.txt /by-variable\nCOPY --chmod=600 *.txt /tmp\nCOPY --chmod=711 empty /etc\nCOPY --chmod=600 none* /none/\n",
    },
    Case {
        name: "chmod-words",
        dockerfile: "FROM BASE\nCOPY --chmod=u+x,go-w a.txt /new/x\nCOPY --chmod=a=rX dir /dir/\nCOPY --chmod=+X a.txt b.txt /X/\nCOPY --chmod=u=rw,go= b.txt /b\nCOPY --chmod=g=u a.txt b.txt /g/\nCOPY --chmod=+t dir /t/\nCOPY --chmod=u+s,g+s a.txt dir /s/\nCOPY --chmod=o+s,o+t a.txt /o\nCOPY --chmod== b.txt /none\nCOPY --chmod=go=u-w,u+x a.txt /l\nCOPY --chmod=a+w-r+x b.txt /m\nCOPY --chmod=ug+rw,o=g dir /n/\nCOPY --chmod=-x dir/sub/ /p/\nCOPY --chmod=g=o,o=u,u=g b.txt /q\nCOPY --chmod=u=rwxs,u-s b.txt /r\nADD --chmod=go-rwx dir files.tar /v/\nCOPY --chmod=u+wX,u=g+rw,g-u a.txt b.txt /w/\nCOPY --chmod=u= a.txt /y\nCOPY --chmod=u+ a.txt /z\n",
    },
    Case { name: "chmod-wrong-word", dockerfile: "FROM scratch\nCOPY --chmod=u+q a.txt /x\n" },
    Case { name: "chmod-wrong-letter", dockerfile: "FROM scratch\nCOPY --chmod=rw a.txt /x\n" },
    Case { name: "chmod-wrong-number", dockerfile: "FROM scratch\nCOPY --chmod=888 a.txt /x\n" },
    Case { name: "chmod-too-large", dockerfile: "FROM scratch\nCOPY --chmod=10000 a.txt /x\n" },
    Case { name: "chmod-no-who-end", dockerfile: "FROM scratch\nCOPY --chmod=u a.txt /x\n" },
    Case { name: "chmod-comma", dockerfile: "FROM scratch\nCOPY --chmod=u+x, a.txt /x\n" },
    Case {
        name: "unpack",
        dockerfile: "FROM BASE\nADD --unpack=false files.tar /whole/\nADD --unpack=true files.tar.gz /parts/\nADD --unpack a.txt /file\n",
    },
    Case {
        name: "unpack-owned",
        dockerfile: "FROM BASE\nADD --chown=4:5 files.tar /tar\nADD --chown=4:5 files.tar.xz /xz\nADD --chown=ann:staff --chmod=600 files.tar.gz a.txt /owned/\nADD --chown=4 files.tar /etc\n",
    },
    Case {
        name: "expansion",
        dockerfile: "FROM scratch\nARG FILE=a/b/c.tar.gz\nARG EMPTY=\nARG PORTS=\"82 83\"\nENV A=${FILE#*/} B=${FILE##*/} C=${FILE%.*} D=${FILE%%.*}\nENV E=${FILE/a/X} F=${FILE//a/X} G=${FILE/.t?r/} H=${FILE//\\//_} I=${FILE/b*/}\nENV J=${NONE-n} K=${EMPTY-n} L=${NONE:-n} M=${EMPTY:-n} N=${FILE:+y} O=${EMPTY:+y} P=${EMPTY+y} Q=${NONE+y}\nENV R=${FILE?no} S=${NONE:-${FILE#*/}} T=\"${FILE:-'q'}\" U='$FILE' V=\\$FILE W=$FILE.x X=a${FILE}b Y=\"a b\" Z=a\\ b\nENV AA=${FILE#?/} AB=${FILE%[a-z]} AC=${FILE#\\*} AD=$ AE=${NONE} AF=$1 AG=\"\\\"q\\\"\" AH=\"it's\" AI='a\"b'\nLABEL \"k $FILE\"=\"v ${FILE##*/}\" $EMPTY.x=1\nCOPY a.txt ${FILE%/*}/\nCOPY [\"a.txt\", \"/json/${FILE##*/}\"]\nWORKDIR ${FILE%%/*}/$NONE/x\nUSER ${NONE:-5}:${FILE:+6}\nEXPOSE ${NONE:-80} ${NONE:-81} $PORTS\nVOLUME [\"/v/${FILE%%/*}\", \"/a b\"]\nSTOPSIGNAL ${NONE:-SIGINT}\nCMD echo $FILE\nENTRYPOINT [\"echo\", \"$FILE\"]\n",
    },
    Case { name: "expansion-asked", dockerfile: "FROM scratch\nENV A=\"${NONE:?is missing}\"\n" },
    Case { name: "expansion-asked-empty", dockerfile: "FROM scratch\nENV X=\nENV A=\"${X:?is missing}\"\n" },
    Case { name: "expansion-unknown", dockerfile: "FROM scratch\nENV A=${NONE^^}\n" },
    Case { name: "expansion-open", dockerfile: "FROM scratch\nENV A=${NONE\n" },
    Case {
        name: "platforms",
        dockerfile: "FROM --platform=$BUILDPLATFORM scratch AS build\nARG TARGETPLATFORM BUILDPLATFORM\nARG TARGETOS\nARG TARGETVARIANT\nARG BUILDARCH=x\nENV T=$TARGETPLATFORM B=$BUILDPLATFORM O=$TARGETOS V=$TARGETVARIANT A=$BUILDARCH\nCOPY a.txt /$TARGETOS/\nFROM --platform=linux/arm64 scratch AS other\nARG TARGETARCH\nLABEL arch=$TARGETARCH\nCOPY --from=build / /\nFROM build\nARG HTTP_PROXY\nARG http_proxy=x\nENV P=$HTTP_PROXY.$http_proxy\nCOPY --from=other / /o/\n",
    },
    Case {
        name: "platforms-global",
        dockerfile: "ARG TARGETOS\nARG TARGETSTAGE\nFROM scratch AS a\nARG TARGETOS\nARG TARGETSTAGE\nLABEL stage=$TARGETSTAGE os=$TARGETOS\nCOPY a.txt /$TARGETOS/\n",
    },
    Case {
        name: "platform-other",
        dockerfile: "FROM --platform=linux/arm/v7 scratch\nARG TARGETARCH TARGETVARIANT\nLABEL arch=$TARGETARCH.$TARGETVARIANT\nCOPY a.txt /\n",
    },
    Case { name: "platform-v8", dockerfile: "FROM --platform=linux/arm64/v8 scratch\nCOPY a.txt /\n" },
    Case { name: "platform-arm", dockerfile: "FROM --platform=linux/arm scratch\nCOPY a.txt /\n" },
    Case {
        name: "from-args",
        dockerfile: "ARG A=BASE\nARG B=scra\nARG STAGE=One\nFROM ${B}tch AS one\nARG B=inner\nENV B2=$B\nCOPY a.txt /one\nFROM ${STAGE} AS two\nARG STAGE\nARG B\nLABEL stage=$STAGE b=$B b2=$B2\nARG GIVEN\nLABEL given=$GIVEN\n",
    },
    Case {
        name: "args-again",
        dockerfile: "ARG GIVEN=one\nARG G=${GIVEN}-g\nFROM scratch\nARG G\nARG A=1\nARG A=2\nARG A\nARG GIVEN=$A\nENV A=3\nARG A=4\nENV B=$A C=$GIVEN D=$G\nARG E=$A F=\"x y\" H='$A'\nLABEL e=$E f=$F h=$H\nCOPY a.txt /\n",
    },
    Case {
        name: "health-all",
        dockerfile: "FROM scratch\nCOPY a.txt /\nHEALTHCHECK --interval=1m --timeout=3s --start-period=1h2m3s --start-interval=500ms --retries=0 CMD curl -f http://localhost/\n",
    },
    Case {
        name: "onbuild-more",
        dockerfile: "FROM BASE AS a\nONBUILD ARG X=1\nONBUILD ENV Y=$X\nONBUILD COPY --chown=ann --chmod=600 a.txt /etc/$X\nONBUILD ADD files.tar /t\nONBUILD WORKDIR /w/$Y\nONBUILD USER ann\nONBUILD LABEL a=\"b c\"\nONBUILD EXPOSE 80\nONBUILD HEALTHCHECK NONE\nONBUILD CMD [\"x\"]\nFROM a\nCOPY b.txt .\n",
    },
    Case {
        name: "commands",
        dockerfile: "FROM scratch\nCOPY a.txt /\nCMD []\nENTRYPOINT []\nCMD [\"a\\\"b\", \"\u{fc}\", \"tab\\t\", \"<&>\"]\nENTRYPOINT [\"\"]\nSHELL [\"sh\"]\nCMD a \"b\" 'c' \\\n  d\nSTOPSIGNAL 9\n",
    },
    Case { name: "signal-name", dockerfile: "FROM scratch\nCOPY a.txt /\nSTOPSIGNAL rtmin+3\n" },
    Case { name: "signal-wrong", dockerfile: "FROM scratch\nCOPY a.txt /\nSTOPSIGNAL nonsense\n" },
    Case { name: "signal-number", dockerfile: "FROM scratch\nCOPY a.txt /\nSTOPSIGNAL 77\n" },
    Case { name: "signal-zero", dockerfile: "FROM scratch\nCOPY a.txt /\nSTOPSIGNAL 0\n" },
    Case {
        name: "ports",
        dockerfile: "FROM scratch\nCOPY a.txt /\nEXPOSE 9 10/UDP 443 8000-8002 8001\nEXPOSE 127.0.0.1:80:81 82:83/sctp\nEXPOSE 443\n",
    },
    Case { name: "port-zero", dockerfile: "FROM scratch\nCOPY a.txt /\nEXPOSE 0\n" },
    Case { name: "port-large", dockerfile: "FROM scratch\nCOPY a.txt /\nEXPOSE 65536\n" },
    Case { name: "port-slash", dockerfile: "FROM scratch\nCOPY a.txt /\nEXPOSE 80/\n" },
    Case { name: "port-protocol", dockerfile: "FROM scratch\nCOPY a.txt /\nEXPOSE 80/icmp\n" },
    Case { name: "port-range-host", dockerfile: "FROM scratch\nCOPY a.txt /\nEXPOSE 1-3:5-6\n" },
    Case { name: "port-many", dockerfile: "FROM scratch\nCOPY a.txt /\nEXPOSE 1:2:3:4\n" },
    Case {
        name: "lines",
        dockerfile: "# escape=\\\n# check=skip=all\n# comment\nFROM scratch as x\n\n  copy a.txt \\\n# in between\n\n   /low\nEnV A=1 \\\n  # another\n  B=2\nLABEL a='x\\\n y'\n",
    },
    Case { name: "check", dockerfile: "# check=skip=none;error=false\nFROM scratch as x\nCOPY a.txt /\n" },
    Case { name: "check-strict", dockerfile: "# check=error=true\nFROM scratch as x\nCOPY a.txt /\n" },
    Case {
        name: "returns",
        dockerfile: "FROM scratch\r\nCOPY a.txt /\r\nENV A=1 \\\r\n B=2\r\nCOPY <<EOF /f\r\nline\r\nEOF\r\n",
    },
    Case {
        name: "escape-documents",
        dockerfile: "# escape=`\nFROM scratch\nENV A=1\nCOPY <<EOF /f\na`$A \\$A ``\nEOF\nCOPY a.txt `\n /x\nENV B=`$A C=\"`\"\" D=c:\\x\n",
    },
    Case {
        name: "places",
        dockerfile: "FROM BASE\nCOPY a.txt /.\nCOPY a.txt /p/.\nCOPY a.txt ..//q/../r//s\nCOPY ./a.txt ./../b.txt /t/\nCOPY dir/. /u\nCOPY dir/.. /v/\nCOPY a.txt /etc/passwd/..\nCOPY /dir/sub/../top.txt ./\nWORKDIR ../..\nCOPY a.txt x\nWORKDIR \"/with space\"\nCOPY a.txt .\nWORKDIR //double//slash/\nWORKDIR ./.\n",
    },
    Case { name: "place-file-below", dockerfile: "FROM BASE\nCOPY a.txt /etc/passwd/\n" },
    Case { name: "place-file-above", dockerfile: "FROM BASE\nCOPY a.txt /etc/passwd/x\n" },
    Case { name: "place-empty", dockerfile: "FROM scratch\nCOPY a.txt $NONE\n" },
    Case { name: "source-empty", dockerfile: "FROM scratch\nCOPY $NONE /x/\n" },
    Case { name: "several-to-file", dockerfile: "FROM scratch\nCOPY a.txt b.txt /x\n" },
    Case { name: "missing", dockerfile: "FROM scratch\nCOPY gone.txt /x\n" },
    Case { name: "missing-ignored", dockerfile: "FROM scratch\nCOPY ignored.txt /x\n" },
    Case { name: "missing-user", dockerfile: "FROM BASE\nCOPY --chown=bob a.txt /x\n" },
    Case { name: "missing-group", dockerfile: "FROM BASE\nCOPY --chown=ann:bob a.txt /x\n" },
    Case { name: "missing-target", dockerfile: "FROM scratch\nCOPY --from=7 /x /x\n" },
    Case {
        name: "user-of-folder",
        dockerfile: "FROM BASE\nUSER ann:staff\nWORKDIR /one\nUSER 12\nWORKDIR /two\nUSER 12:34\nWORKDIR /three/four\nUSER :5\nWORKDIR /five\n",
    },
    Case { name: "user-unknown", dockerfile: "FROM BASE\nUSER nobody\nWORKDIR /one\n" },
    Case { name: "user-scratch", dockerfile: "FROM scratch\nUSER nobody\nWORKDIR /one\n" },
    Case {
        name: "owner-forms",
        dockerfile: "FROM BASE\nCOPY --chown=:50 a.txt /a\nCOPY --chown=ann: a.txt /b\nCOPY --chown=root a.txt /c\nCOPY --chown=0:staff dir /d/\nARG WHO=ann\nCOPY --chown=$WHO:staff a.txt /e\nADD --chown=$WHO a.txt /made/by/f\nCOPY --chown=4294967294 a.txt /g\n",
    },
    Case {
        name: "stages-more",
        dockerfile: "FROM scratch AS zero\nCOPY a.txt /\nFROM zero AS ONE\nCOPY b.txt /\nFROM scratch AS zero\nCOPY dir /\nFROM scratch\nCOPY --from=0 / /zero/\nCOPY --from=One / /one/\nCOPY --from=zero / /again/\nCOPY --from=2 /top.txt /two/\n",
    },
    Case {
        name: "labels",
        dockerfile: "FROM BASE\nLABEL a=1 a=2 \"quoted key\"=v empty= e2=\"\" multi=\"x\\\ny\"\nLABEL com.acme.x='single $BASE' y=\"double $BASE\" z=\\$BASE\nENV X=\nENV Y one two  three\nENV PATH=/x:$PATH\nENV SUB=$SUB/more Q=\"a\\nb\"\n",
    },
    Case {
        name: "exclude-order",
        dockerfile: "FROM BASE\nCOPY --exclude=!sub/s.txt --exclude=sub dir /a/\nCOPY --exclude=sub --exclude=!sub dir /b/\nCOPY --exclude=/sub dir /c/\nCOPY --exclude=./sub dir /d/\nCOPY --exclude=sub/ dir /e/\nCOPY --exclude=** --exclude=!**/s.txt --chown=7 --chmod=705 . /f/\nCOPY --exclude=etc/* --exclude=!etc/group base /\nCOPY --exclude=tmp --exclude=!tmp/t base /\nCOPY --exclude= dir /g/\n",
    },
    Case { name: "linked-link", dockerfile: "FROM BASE\nCOPY --link a.txt /var/run/l\n" },
    Case { name: "linked-name", dockerfile: "FROM BASE\nCOPY --link --chown=ann a.txt /x\n" },
    Case { name: "base-case", dockerfile: "FROM scratch AS one\nCOPY a.txt /\nFROM ONE\n" },
    Case {
        name: "folder-absolute",
        dockerfile: "FROM BASE\nWORKDIR /a/../b/\nCOPY a.txt .\nCOPY a.txt x/\n",
    },
    Case { name: "folder-slashes", dockerfile: "FROM scratch\nWORKDIR //a//\nCOPY a.txt .\n" },
    Case { name: "folder-root", dockerfile: "FROM scratch\nCOPY a.txt .\nWORKDIR //\n" },
    Case { name: "folder-empty", dockerfile: "FROM scratch\nWORKDIR /x\nWORKDIR \"$NONE\"\nCOPY a.txt .\n" },
    Case { name: "scratch-owner", dockerfile: "FROM scratch\nCOPY --chown=bob a.txt /x\n" },
    Case {
        name: "scratch-owner-then",
        dockerfile: "FROM scratch\nWORKDIR /\nCOPY a.txt /x\nCOPY --chown=bob:team a.txt /y\n",
    },
    Case {
        name: "scratch-owner-root",
        dockerfile: "FROM scratch\nCOPY --chown=root:root a.txt /x\nCOPY --chown=:root a.txt /y\n",
    },
    Case {
        name: "scratch-owner-stage",
        dockerfile: "FROM scratch AS a\nWORKDIR /\nFROM a\nCOPY --chown=bob a.txt /x\n",
    },
    Case {
        name: "from-file",
        dockerfile: "FROM BASE AS a\nFROM scratch\nCOPY --from=a --chmod=755 /bin/busybox /\nCOPY --from=a /etc/secret /b/\nCOPY --from=a /tmp /t\nCOPY --from=a /var /v\nCOPY --from=a /etc/gone* /w/\n",
    },
    Case {
        name: "from-image-platform",
        dockerfile: "FROM --platform=linux/amd64 BASE\nCOPY --from=BASE /etc/group /g\n",
    },
    Case {
        name: "addresses",
        dockerfile: "FROM BASE\nADD http://SERVER/a/file.bin?x=1 /get/\nADD --chmod=644 --chown=ann http://SERVER/ /get/\nADD http://SERVER/z /named\nADD http://SERVER/dir/ /dir/\nADD http://SERVER/a%20b/c%20d /blank/\nADD http://SERVER/x http://SERVER/y a.txt /both/\nADD http://SERVER/f.tar.gz /packed/\nADD --chmod=704 http://SERVER/script /bin/\nARG S=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\nADD --checksum=sha256:$S http://SERVER/checked /\nADD --link --chown=7 http://SERVER/l /linked/\nADD http://SERVER/a.b/../c /c/\n",
    },
    Case {
        name: "addresses-unpacked",
        dockerfile: "FROM BASE\nADD --unpack --chown=3 http://SERVER/f.tar /unpacked/\nADD --unpack=true http://SERVER/plain /plain/\nADD --unpack=false http://SERVER/g.tar /whole/\n",
    },
    Case { name: "address-gone", dockerfile: "FROM scratch\nADD http://SERVER/gone /x\n" },
    Case { name: "address-copied", dockerfile: "FROM scratch\nCOPY http://SERVER/x /x\n" },
    Case {
        name: "checksum-wrong",
        dockerfile: "FROM scratch\nADD --checksum=sha256:0cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 http://SERVER/x /x\n",
    },
    Case { name: "checksum-no-digest", dockerfile: "FROM scratch\nADD --checksum=2cf2 http://SERVER/x /x\n" },
    Case {
        name: "checksum-of-file",
        dockerfile: "FROM scratch\nADD --checksum=sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 a.txt /x\n",
    },
    Case {
        name: "checksum-of-several",
        dockerfile: "FROM scratch\nADD --checksum=sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 http://SERVER/x http://SERVER/y /x/\n",
    },
    Case {
        name: "chmod-words-searchable",
        dockerfile: "FROM scratch\nCOPY --chmod=a=rX,u+w dir /a/\nCOPY --chmod=a-X dir b.txt /b/\nCOPY --chmod=go=X b.txt a.txt /c/\nCOPY --chmod=u=g+X dir /d/\n",
    },
    Case { name: "duplicate-flag", dockerfile: "FROM scratch\nCOPY --chown=1 --chown=2 a.txt /\n" },
    Case { name: "unknown-flag", dockerfile: "FROM scratch\nCOPY --chwon=1 a.txt /\n" },
];

/// The files that the cases copy.
fn files(project: Project) -> Project {
    let long = format!("long/{}/{}.txt", "n".repeat(90), "m".repeat(120));
    let project = project
        .file("a.txt", "a")
        .executable("b.txt", "b")
        .file("dir/sub/s.txt", "s")
        .file("dir/top.txt", "top")
        .symlink("dir/lnk", "sub")
        .symlink("link.txt", "a.txt")
        .symlink("dirlink", "dir")
        .symlink("dangling.d/x", "/nowhere")
        .folder("empty/inner")
        .file("given.txt", "given")
        .file("with space/a b", "spaces")
        .file("\u{fc}.txt", "umlaut")
        .file(long, "long")
        .file("not.tar.xz", [0xfd, b'7', b'z', b'X', b'Z', 0, 0])
        .file("not.tar.bz2", "BZh9no archive at all")
        .file("not.tar.gz", "\u{1f}\u{8b}no archive at all")
        .file("ignored.txt", "no")
        .file(".dockerignore", "ignored.txt\n*.Dockerfile\ndevspace.yaml\n.dockerignore\nbase\nfiles.tar*\n!files.tar\n!files.tar.gz\n!files.tar.bz2\n!files.tar.xz\n!base/**\n")
        .file("base/etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1001::/home/ann:/bin/sh\n")
        .file("base/etc/group", "root:x:0:\nstaff:x:50:ann\n")
        .file("base/etc/secret", "s")
        .file("base/links/run/pid", "1")
        .file("base/links/file", "f")
        .symlink("base/links/var/run", "/run")
        .symlink("base/links/to-file", "file")
        .symlink("base/links/dangling", "new/place")
        .symlink("base/links/up", "../../run")
        .file("base/tmp/t", "t");
    for (path, mode) in
        [("b.txt", 0o4755), ("dir/sub", 0o750), ("base/etc/secret", 0o600), ("base/tmp", 0o1777)]
    {
        fs::set_permissions(project.path(path), fs::Permissions::from_mode(mode)).expect("permissions");
    }
    let archive = archive();
    project.write("files.tar", &archive);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &archive).expect("compressed");
    project.write("files.tar.gz", gzip.finish().expect("compressed"));
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    std::io::Write::write_all(&mut bzip2, &archive).expect("compressed");
    project.write("files.tar.bz2", bzip2.finish().expect("compressed"));
    let mut xz = XzWriter::new(Vec::new(), XzOptions::with_preset(1)).expect("a writer");
    std::io::Write::write_all(&mut xz, &archive).expect("compressed");
    project.write("files.tar.xz", xz.finish().expect("compressed"));
    project
}

/// An archive with directories, both kinds of links, owners, and a file without an entry for its directory.
fn archive() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |path: &str, kind: tar::EntryType, mode: u32, link: &str, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(11);
        header.set_gid(12);
        header.set_mtime(1_000_000_000);
        header.set_size(content.len() as u64);
        if link.is_empty() {
            builder.append_data(&mut header, path, content).expect("appended");
        } else {
            builder.append_link(&mut header, path, link).expect("appended");
        }
    };
    use tar::EntryType::{Directory, Link, Regular, Symlink};
    add("d/", Directory, 0o711, "", b"");
    add("d/one", Regular, 0o640, "", b"one");
    add("d/hard", Link, 0o640, "d/one", b"");
    add("d/soft", Symlink, 0o777, "../../../etc/passwd", b"");
    add("elsewhere", Symlink, 0o777, "/d", b"");
    add("elsewhere/through", Regular, 0o600, "", b"through");
    add("lonely/deep/file", Regular, 0o604, "", b"lonely");
    add("t", Regular, 0o444, "", b"in place of another");
    builder.into_inner().expect("finished")
}

/// The part of a configuration that both builders must agree on; `version` is that of Docker.
fn essence(mut image: Value, layers: &[usize], version: u32) -> Value {
    let config = image["config"].as_object_mut().expect("config").clone();
    let known = |key: &str| {
        ![
            "ArgsEscaped",
            "Hostname",
            "Domainname",
            "AttachStdin",
            "AttachStdout",
            "AttachStderr",
            "Tty",
            "OpenStdin",
            "StdinOnce",
            "Image",
        ]
        .contains(&key)
    };
    let is_set = |value: &Value| match value {
        Value::Null => false,
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => true,
    };
    let config: serde_json::Map<_, _> =
        config.into_iter().filter(|(key, value)| known(key) && is_set(value)).collect();
    let mut layers = layers.iter();
    let history = image["history"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let history: Vec<Value> = history
        .into_iter()
        .map(|entry| {
            let by = entry["created_by"].as_str().unwrap_or_default();
            let by = by.strip_suffix(" # buildkit").unwrap_or(by);
            // BuildKit prints one of its source structures here.
            let by = if by.starts_with("HEALTHCHECK") { "HEALTHCHECK" } else { by };
            let is_asked = |(name, since): &(&str, u32)| by.starts_with(name) && version < *since;
            let by = NOTED_SINCE.iter().find(|noted| is_asked(noted)).map_or(by, |noted| noted.0);
            // BuildKit also creates a layer that is empty.
            let is_empty = entry["empty_layer"] == true || layers.next() == Some(&0);
            json!([by, is_empty])
        })
        .collect();
    let facts = ["architecture", "os", "variant", "author"];
    let facts: Vec<_> = facts.iter().map(|fact| image[fact].as_str().unwrap_or_default()).collect();
    json!({ "config": config, "history": history, "facts": facts })
}

/// Cases in which a Docker older than 28, the version that windlass follows, differs, each with the version from which
/// on they agree. Older versions skip them.
const SINCE: &[(&str, u32)] = &[
    ("check-strict", 28),
    ("chmod", 28),
    ("chmod-comma", 28),
    ("chmod-no-who-end", 28),
    ("chmod-there", 28),
    ("chmod-too-large", 28),
    ("chmod-words", 28),
    ("chmod-words-searchable", 28),
    ("chmod-wrong-letter", 28),
    ("chmod-wrong-number", 28),
    ("chmod-wrong-word", 28),
    ("exclude", 28),
    ("exclude-files", 28),
    ("exclude-order", 28),
    ("platforms-global", 28),
    ("unpack", 28),
    ("unpack-owned", 28),
    ("addresses-unpacked", 28),
];

/// Instructions that older versions record differently in the history: not compared for those versions.
const NOTED_SINCE: &[(&str, u32)] = &[("ARG ", 28), ("EXPOSE ", 28)];

/// Cases in which Docker without the containerd image store differs: it treats `--link` as a plain copy.
const CONTAINERD_ONLY: &[&str] = &["linked", "linked-from", "linked-link", "linked-name"];

/// The cases that both Docker and windlass reject.
const REFUSED: &[&str] = &[
    "address-copied",
    "address-gone",
    "base-case",
    "check-strict",
    "checksum-no-digest",
    "checksum-of-file",
    "checksum-of-several",
    "checksum-wrong",
    "chmod-comma",
    "chmod-no-who-end",
    "chmod-too-large",
    "chmod-wrong-letter",
    "chmod-wrong-number",
    "chmod-wrong-word",
    "duplicate-flag",
    "expansion-asked",
    "expansion-asked-empty",
    "expansion-open",
    "expansion-unknown",
    "from-args",
    "linked-name",
    "missing",
    "missing-ignored",
    "missing-target",
    "parents",
    "place-file-above",
    "place-file-below",
    "port-large",
    "port-many",
    "port-protocol",
    "port-range-host",
    "scratch-owner",
    "scratch-owner-stage",
    "signal-wrong",
    "signal-zero",
    "unknown-flag",
    "user-scratch",
];

/// A daemon with the base image of the cases in a registry.
struct Comparison<'a> {
    daemon: &'a ModernDaemon,
    repository: TestRepository,
    /// The server for downloads.
    server: SocketAddr,
}

impl<'a> Comparison<'a> {
    fn new(daemon: &'a ModernDaemon, registry: &Registry, role: &str) -> Self {
        let repository = daemon.repository(&registry.address(), role);
        let busybox = format!("{repository}/busybox:1");
        daemon.docker(["tag", &daemon.base(), &busybox]);
        daemon.docker(["push", "--quiet", &busybox]);
        let prepared =
            files(Project::new().daemon(daemon)).file("Dockerfile", BASE.replace("BUSYBOX", &busybox)).file(
                "devspace.yaml",
                format!("version: v1beta9\nimages:\n  base:\n    image: {repository}/base\n"),
            );
        prepared.run(["build", "--builder", "docker", "-t", "1"]).success();
        Self { daemon, repository, server: serve() }
    }

    /// The differences between the images of `cases` from windlass and from the daemon, and the names of the cases that
    /// both of them fail.
    fn differences(&self, cases: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let prefix = &self.repository;
        let base = format!("{prefix}/base:1");
        let mut config = "version: v1beta9\nimages:\n".to_owned();
        // A hundred images take a while on a busy machine.
        let project = Project::new().daemon(self.daemon).limit(Duration::from_secs(900));
        let mut project = files(project);
        for (name, dockerfile) in cases {
            config += &format!(
                "  {name}:\n    image: {prefix}/{name}\n    dockerfile: {name}.Dockerfile\n    build:\n      docker:\n        options:\n          buildArgs:\n            GIVEN: given\n"
            );
            let dockerfile = dockerfile
                .replace("BASE ", &format!("{base} "))
                .replace("BASE\n", &format!("{base}\n"))
                .replace("SERVER", &self.server.to_string());
            project = project.file(format!("{name}.Dockerfile"), dockerfile);
        }
        let project = project.file("devspace.yaml", config);
        let _repositories: Vec<_> = ["base", "busybox"]
            .into_iter()
            .chain(cases.iter().map(|(name, _)| *name))
            .map(|name| self.daemon.repository_below(&self.repository, name))
            .collect();
        let build = |builder: &str, tag: &str| {
            project.run(["build", "--skip-push", "--keep-going", "-b", "--builder", builder, "-t", tag])
        };
        let outputs = [build("docker", "daemon"), build("oci", "own")];
        let (mut differences, mut refused) = (Vec::new(), Vec::new());
        for (name, dockerfile) in cases {
            let found = match self.images(&project, name) {
                (None, None) => {
                    refused.push((*name).to_owned());
                    continue;
                }
                (Some(theirs), Some(own)) => differing(&theirs, &own, self.daemon.version()),
                (theirs, _) => {
                    let builder = if theirs.is_some() { "the daemon" } else { "windlass" };
                    let said = outputs.iter().flat_map(|output| output.stderr.lines());
                    let said =
                        said.filter(|line| line.starts_with(&format!("{name} ")) && line.contains("failed"));
                    [format!("only {builder} builds it")].into_iter().chain(said.map(str::to_owned)).collect()
                }
            };
            if !found.is_empty() {
                differences.push(format!("{name}:\n  {}\n{dockerfile}", found.join("\n  ")));
            }
        }
        (differences, refused)
    }

    /// The images that the daemon and windlass made of the case `name`.
    fn images(&self, project: &Project, name: &str) -> (Option<ImageTree>, Option<ImageTree>) {
        let [theirs, own] = ["daemon", "own"].map(|tag| format!("{}/{name}:{tag}", self.repository));
        let reference = own.parse().expect("a reference");
        let is_there = project.store().named(&reference, ImageOrigin::Built).is_some();
        (
            self.daemon.image_id(&theirs).map(|_| ImageTree::of_daemon(self.daemon, &theirs)),
            is_there.then(|| ImageTree::of_store(project, &own)),
        )
    }
}

/// The differences between `own` and `theirs`, which a Docker of `version` built.
fn differing(theirs: &ImageTree, own: &ImageTree, version: u32) -> Vec<String> {
    let mut differences = Vec::new();
    for (path, line) in &theirs.tree {
        match own.tree.get(path) {
            Some(found) if found == line => {}
            found => differences.push(format!("{path} is {found:?}, not {line}")),
        }
    }
    let more = own.tree.iter().filter(|(path, _)| !theirs.tree.contains_key(*path));
    differences.extend(more.map(|(path, line)| format!("{path} is {line}, and was not to be there")));
    let essence = |image: &ImageTree| essence(image.config.clone(), &image.layers, version);
    let (found, expected) = (essence(own), essence(theirs));
    for part in ["config", "facts", "history"] {
        if found[part] != expected[part] {
            differences.push(format!("{part}\n    {}\n  not\n    {}", found[part], expected[part]));
        }
    }
    differences
}

/// Builds the cases and randomly generated Dockerfiles with Docker and with windlass.
#[track_caller]
fn compare_with_docker(store: ImageStore) {
    const COUNT: u64 = 24;
    let Some(daemon) = ModernDaemon::acquire(store) else { return };
    let Some(registry) = Registry::start() else { return };
    let comparison = Comparison::new(&daemon, &registry, "oci");
    let is_asked = |name: &str| {
        SINCE.iter().all(|(other, since)| *other != name || daemon.version() >= *since)
            && (store == ImageStore::Containerd || !CONTAINERD_ONLY.contains(&name))
    };
    let cases: Vec<_> =
        CASES.iter().filter(|case| is_asked(case.name)).map(|case| (case.name, case.dockerfile)).collect();
    let (differences, refused) = comparison.differences(&cases);
    assert!(differences.is_empty(), "Docker {}: {}", daemon.version(), differences.join("\n"));
    let expected: Vec<_> = cases.iter().map(|case| case.0).filter(|name| REFUSED.contains(name)).collect();
    assert_eq!(refused, expected, "the rejected cases");

    // The same Dockerfiles every time; another seed generates others.
    let seed: u64 = std::env::var("WINDLASS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let random: Vec<(String, String)> = (0..COUNT)
        .map(|number| {
            let mut random = fastrand::Rng::with_seed(seed * 1000 + number);
            let dockerfile = random_dockerfile(&mut random, daemon.version(), store);
            (format!("random{number}"), dockerfile)
        })
        .collect();
    let random: Vec<_> =
        random.iter().map(|(name, dockerfile)| (name.as_str(), dockerfile.as_str())).collect();
    let (differences, refused) = comparison.differences(&random);
    assert!(differences.is_empty(), "Docker {}, seed {seed}: {}", daemon.version(), differences.join("\n"));
    assert!(refused.len() < 18, "only {} of {COUNT} can be built", random.len() - refused.len());
}

#[test]
fn images_equal_those_of_docker() {
    compare_with_docker(ImageStore::Docker);
}

#[test]
fn images_equal_those_of_docker_with_containerd() {
    compare_with_docker(ImageStore::Containerd);
}

/// A Dockerfile with a few instructions that `random` chooses; some of them cannot be built.
fn random_dockerfile(random: &mut fastrand::Rng, version: u32, store: ImageStore) -> String {
    const SOURCES: [&str; 18] = [
        "a.txt",
        "b.txt",
        "dir",
        "dir/",
        "dir/sub",
        "dir/lnk",
        "link.txt",
        "dirlink",
        "dangling.d",
        "*.txt",
        "d*",
        "empty",
        "dir/*",
        ".",
        "$V.txt",
        "base/tmp",
        "a.txt b.txt",
        "files.tar dir",
    ];
    const TARGETS: [&str; 20] = [
        "/x",
        "/x/",
        "/x/y",
        "/d",
        "/d/",
        "rel",
        "rel/",
        "./",
        ".",
        "/var/run/",
        "/var/run/z",
        "/tmp/y/",
        "/etc",
        "/to-file",
        "/up/q",
        "/bin/",
        "/dangling",
        "/dangling/",
        "/$V/.",
        "/tmp/../$V",
    ];
    const FLAGS: [&str; 16] = [
        "",
        "",
        "",
        "--chown=3:4 ",
        "--chown=ann ",
        "--chmod=750 ",
        "--chown=5 --chmod=604 ",
        "--chmod=2777 ",
        "--chmod=u+x,go-w ",
        "--chmod=a=rX --chown=:50 ",
        "--chmod=g=u,o= ",
        "--chown=nobody:staff ",
        // Not every Docker supports the flags from here on.
        "--exclude=*.txt ",
        "--exclude=sub --exclude=!sub/s.txt --chmod=700 ",
        "--link ",
        "--link --chown=9:9 ",
    ];
    const FOLDERS: [&str; 8] = ["/w", "w/v", "/var/run/w", "../up", "/d/sub", "/tmp", "/x/../y/", "$V/$V"];
    let known = |flags: &&str| {
        (version >= 28 || !(flags.contains("exclude") || flags.contains("chmod")))
            // Without containerd it is a plain copy, which follows links.
            && (store == ImageStore::Containerd || !flags.contains("link"))
    };
    let flags: Vec<&str> = FLAGS.into_iter().filter(known).collect();
    // In older versions, wildcards do not match directories with dangling links, and archives keep their owners.
    let is_known = |source: &&str| version >= 28 || !(source.contains(".tar") || *source == "d*");
    let sources: Vec<&str> = SOURCES.into_iter().filter(is_known).collect();
    let mut text = "FROM BASE AS first\nARG V=b\n".to_owned();
    for _ in 0..random.usize(2..6) {
        let mut one = |words: &[&str]| random.choice(words.to_vec()).unwrap_or_default().to_owned();
        let (flags, source, target, folder) = (one(&flags), one(&sources), one(&TARGETS), one(&FOLDERS));
        match random.u8(0..13) {
            0 => text += &format!("WORKDIR {folder}\n"),
            1 => text += &format!("USER ann\nWORKDIR {folder}\n"),
            2 | 3 => text += &format!("ADD {flags}{source} {target}\n"),
            4 => {
                text +=
                    &format!("FROM BASE\nARG V=a\nCOPY --from=0 {flags}/x* /etc/pass?d /up /{}\n", "from/")
            }
            5 => text += &format!("COPY {flags}<<EOF <<-'other' {target}/\n$V \"q\"\nEOF\n\tt $V\nother\n"),
            6 => text += "ENV V=${V/b/a}\n",
            7 => text += "ARG V=${GIVEN%n}\n",
            _ => text += &format!("COPY {flags}{source} {target}\n"),
        }
    }
    text
}

/// A web server that responds with `hello`, or with an archive if the name requests one.
fn serve() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let mut connection = std::io::BufReader::new(connection);
            let mut request = String::new();
            let _ = std::io::BufRead::read_line(&mut connection, &mut request);
            let mut line = String::new();
            while std::io::BufRead::read_line(&mut connection, &mut line).is_ok_and(|count| count > 2) {
                line.clear();
            }
            let (status, body) = match &request {
                request if request.contains("/gone") => ("404 Not Found", Vec::new()),
                request if request.contains(".tar") => ("200 OK", archive()),
                _ => ("200 OK", b"hello".to_vec()),
            };
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let is_head = request.starts_with("HEAD");
            let answer = [head.as_bytes(), if is_head { b"" } else { &body }].concat();
            let _ = std::io::Write::write_all(connection.get_mut(), &answer);
        }
    });
    address
}

/// The example of the README's first command, without a daemon or a cluster.
#[test]
fn first_command_needs_neither_daemon_nor_cluster() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shop");
    let project = Project::new();
    for path in [
        "devspace.yaml",
        "base/Dockerfile",
        "base/files/shop.toml",
        "web/Dockerfile",
        "web/site/index.html",
        "api/Dockerfile",
    ] {
        project.write(path, fs::read(examples.join(path)).expect("the example's file"));
    }
    let project =
        project.executable("api/src/serve", fs::read(examples.join("api/src/serve")).expect("a file"));
    let build = || project.run(["build", "--skip-push", "-t", "1"]).success().clone();
    let plan = project.run(["plan"]).success().clone();
    plan.stdout_has("builder  oci");
    assert!(!project.home().join(".cache").exists(), "a plan stores nothing");
    build().stderr_has("3 built");
    let api = ImageTree::of_store(&project, "shop/api:1");
    let line =
        |path: &str| api.tree.get(path).map(|line| line.split(' ').take(3).collect::<Vec<_>>().join(" "));
    assert_eq!(line("srv/api/serve").as_deref(), Some("file 755 0:0"));
    assert!(line("etc/shop/shop.toml").is_some(), "the files of the base exist");
    assert_eq!(api.config["config"]["Entrypoint"], json!(["/srv/api/serve"]));
    build().stderr_has("3 skipped");
    project.write("web/site/index.html", "changed");
    build().stderr_has("1 built, 2 skipped");
}

#[test]
fn equal_inputs_give_equal_digests() {
    let build = |epoch: Option<&str>, arguments: &[&str]| {
        let project = files(Project::new())
            .file("Dockerfile", "FROM scratch\nCOPY . /all/\nADD files.tar.gz /tar/\nWORKDIR /w\nENV A=1\n")
            .file("devspace.yaml", "version: v1beta9\nimages:\n  app:\n    image: acme/app\n");
        let project =
            epoch.into_iter().fold(project, |project, epoch| project.env("SOURCE_DATE_EPOCH", epoch));
        project.run(["build", "--skip-push", "-t", "1"].iter().chain(arguments)).success();
        stored(&project, "acme/app:1")
    };
    let image = build(None, &[]);
    assert_eq!(build(None, &[]).digest(), image.digest());
    assert_eq!(build(None, &["--builder", "oci"]).digest(), image.digest());
    let config: Value = serde_json::from_slice(image.config()).expect("JSON");
    assert_eq!(config["created"], "1970-01-01T00:00:00Z");
    let dated = build(Some("1700000000"), &[]);
    assert_ne!(dated.digest(), image.digest());
    let config: Value = serde_json::from_slice(dated.config()).expect("JSON");
    assert_eq!(config["created"], "2023-11-14T22:13:20Z");
}

#[test]
fn only_changed_layers_are_rebuilt() {
    let project = Project::new()
        .file(
            "Dockerfile",
            "FROM scratch\nCOPY a /a/\nCOPY b /b/\nCOPY --from=0 /a /again\n".replace("--from=0 /a", "a"),
        )
        .file("a/1", "one")
        .file("b/2", "two")
        .file("devspace.yaml", "version: v1beta9\nimages:\n  app:\n    image: acme/app\n");
    let build = || project.run(["build", "--skip-push", "--progress", "plain"]).success().clone();
    build().lacks("unchanged)");
    project.write("b/2", "three");
    let again = build();
    again.stderr_has("[1/3] COPY a /a/ (unchanged)").stderr_has("[3/3] COPY a /again (unchanged)");
    assert!(!again.stderr.contains("COPY b /b/ (unchanged)"), "{again}");
}

#[test]
fn a_change_of_permission_bits_alone_causes_a_build() {
    let project = Project::new()
        .file("devspace.yaml", "version: v1beta11\nimages:\n  app:\n    image: acme/app\n    tags: [v1]\n")
        .file("Dockerfile", "FROM scratch\nCOPY key tool dir /\n")
        .file("key", "s")
        .file("tool", "t")
        .file("dir/sub/f", "d");
    let build = || project.run(["build", "--builder", "oci", "--skip-push"]);
    let set = |path: &str, mode| {
        fs::set_permissions(project.path(path), fs::Permissions::from_mode(mode)).expect("set");
    };
    [("key", 0o644), ("tool", 0o755), ("dir/sub", 0o755)]
        .into_iter()
        .for_each(|(path, mode)| set(path, mode));
    build().success();
    for (path, inside, mode) in [("key", "key", 0o600), ("tool", "tool", 0o4755), ("dir/sub", "sub", 0o700)] {
        set(path, mode);
        build().success().stderr_has(format!("building: {path} changed"));
        let tree = ImageTree::of_store(&project, "acme/app:v1").tree;
        assert!(tree[inside].contains(&format!(" {mode:o} ")), "{path}: {tree:?}");
        build().success().stderr_has("skipped: unchanged");
    }
}

#[test]
fn features_that_need_a_daemon_are_reported_before_the_build() {
    let project = |dockerfile: &str| {
        Project::new()
            .file("Dockerfile", dockerfile)
            .file("a.txt", "a")
            .file("devspace.yaml", "version: v1beta9\nimages:\n  app:\n    image: acme/app\n")
    };
    let runs = project("FROM scratch\nCOPY a.txt /\nRUN make \\\n  all\n");
    for arguments in [&["build", "--skip-push"][..], &["build", "--skip-push", "--builder", "oci"]] {
        let output = runs.run(arguments);
        output
            .exits(1)
            .stderr_has("cannot build `app` without a daemon: it runs a command, at line 3 of Dockerfile");
        output.stderr_has("DOCKER_HOST").stderr_has("RUN make");
        assert!(!runs.home().join(".cache/windlass/oci/blobs").exists(), "nothing is built");
    }
    let elsewhere = project("FROM scratch AS build\nRUN make\nFROM scratch\nCOPY a.txt /\n");
    elsewhere.run(["build", "--skip-push"]).success();
    project("# syntax=acme/frontend\nFROM scratch\n")
        .run(["build", "--skip-push"])
        .exits(1)
        .stderr_says("at line 1 of");
    project("FROM scratch\nADD https://x.io/a.git /a\n")
        .run(["build", "--skip-push"])
        .exits(1)
        .stderr_has("it adds a git repository");
}

#[test]
fn errors_point_at_their_line() {
    let check = |dockerfile: &str, texts: &[&str]| {
        let project = files(Project::new())
            .file("Dockerfile", dockerfile)
            .file("devspace.yaml", "version: v1beta9\nimages:\n  app:\n    image: acme/app\n");
        let output = project.run(["build", "--skip-push", "--builder", "oci"]);
        output.exits(1);
        for text in texts {
            output.stderr_says(text);
        }
    };
    check(
        "FROM scratch\nCOPY a.txt /\nCOPY gone.txt /x\n",
        &["`gone.txt` is not in the build context", "[Dockerfile:3:1]", ".dockerignore"],
    );
    check("FROM scratch\nCOPY ignored.txt /x\n", &["`ignored.txt` is not in the build context"]);
    // No directory is sent for these: one does not exist, and nothing in the other matches.
    for pattern in ["target/*.jar", "dir/*.jar", "gone/*/x.jar"] {
        for instruction in ["COPY", "ADD"] {
            check(
                &format!("FROM scratch\nCOPY a.txt /\n{instruction} {pattern} /app/\n"),
                &[&format!("`{pattern}` is not in the build context"), "[Dockerfile:3:1]"],
            );
        }
    }
    check(
        "FROM scratch AS a\nCOPY a.txt /\nFROM scratch\nCOPY --from=a /target/*.jar /app/\n",
        &["`/target/*.jar` does not exist in that image", "[Dockerfile:4:1]"],
    );
    check(
        "FROM scratch\nCOPY --chown=bob a.txt /x\n",
        &["unknown user `bob`: the image is empty", "use the ID"],
    );
    check(
        "FROM scratch\nCOPY --chmod=rw a.txt /x\n",
        &["invalid mode `--chmod=rw`: expected an octal number", "u+x,go-w"],
    );
    check("FROM scratch\nSTOPSIGNAL SIGNAL\n", &["invalid signal `SIGNAL` (try SIGTERM"]);
    check(
        "# check=error=true\nFROM scratch\n",
        &["the warnings of BuildKit as errors, at line 1 of Dockerfile"],
    );
    check("FROM scratch\nADD --checksum=sha256:00 a.txt /x\n", &["`--checksum` requires exactly one source"]);
    check(
        "FROM scratch\nCOPY dir /d\nCOPY a.txt /d/sub\nCOPY a.txt /d/sub/a.txt\nCOPY dir /d/top.txt\n",
        &["[Dockerfile:5:1]", "`/d/top.txt` is not a directory"],
    );
    check("FROM scratch\nEXPOSE http\n", &["invalid port `http`"]);
    check("FROM scratch\nCOPY --from=a /x /y\nFROM scratch AS a\nCOPY --from=0 /y /x\n", &["in a cycle"]);
}

/// A project with one image, `repository`, and no daemon unless the caller adds one.
fn one_image(repository: &str, dockerfile: &str) -> Project {
    files(Project::new())
        .file("Dockerfile", dockerfile)
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n  app:\n    image: {repository}\n"))
}

#[test]
fn pushed_images_are_pulled_and_run() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let repository = daemon.repository(&registry.address(), "run");
    let base = format!("{repository}/base:1");
    let _base = daemon.repository_below(&repository, "base");
    daemon.docker(["tag", &daemon.base(), &base]);
    daemon.docker(["push", "--quiet", &base]);
    let dockerfile = format!(
        "FROM {base}\nCOPY a.txt /app/\nCOPY dir /app/dir/\nWORKDIR /app\nCMD [\"cat\", \"a.txt\"]\n"
    );
    let project = one_image(repository.name(), &dockerfile);
    project.run(["build", "-t", "1"]).success().stderr_has("1 built");
    assert_eq!(registry.tags(&repository), ["1"]);
    let reference = format!("{repository}:1");
    daemon.docker(["pull", "--quiet", &reference]);
    assert_eq!(daemon.run(&reference, &[]), "a");
    assert_eq!(daemon.run(&reference, &["cat", "/app/dir/lnk/s.txt"]), "s");

    // The next build sends one layer, and the base is not transferred at all.
    let layers = |tag: &str| registry.manifest(&repository, tag)["layers"].clone();
    let before = registry.log();
    project.write("dir/top.txt", "changed");
    project.run(["build", "-t", "2"]).success();
    let after = registry.log();
    let log = after.strip_prefix(&before).unwrap_or(&after);
    let (one, two) = (layers("1"), layers("2"));
    let same = |index: usize| one[index]["digest"] == two[index]["digest"];
    assert!(same(0) && same(1) && !same(2), "{one}\n{two}");
    // Requests for blobs that the registry does not have fail, and windlass sends them: the layer and the
    // configuration.
    let sent = log.lines().filter(|line| line.contains("err.code=\"blob unknown\"")).count();
    assert_eq!(sent, 2, "{log}");
    daemon.docker(["pull", "--quiet", &format!("{repository}:2")]);
    assert_eq!(daemon.run(&format!("{repository}:2"), &["cat", "/app/dir/top.txt"]), "changed");
}

#[test]
fn base_images_only_in_the_daemon_are_loaded_from_it() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    take_base(&daemon, &registry);
}

#[track_caller]
fn take_base(daemon: &Daemon, registry: &Registry) {
    let base = daemon.repository(&registry.address(), "local-base");
    let dockerfile = format!("FROM {}\nCOPY a.txt /base/\nCOPY dir /base/dir\nENV BASE=1\n", daemon.base());
    let parent = one_image(base.name(), &dockerfile).daemon(daemon);
    parent.run(["build", "--builder", "docker", "--skip-push", "-t", "1"]).success();
    assert!(registry.tags(&base).is_empty());

    let repository = daemon.repository(&registry.address(), "on-local");
    let dockerfile = format!("FROM {base}:1\nCOPY b.txt /app/\nCMD [\"cat\", \"/base/a.txt\"]\n");
    let project = one_image(repository.name(), &dockerfile).daemon(daemon);
    let build = |tag: &str| {
        project.run(["build", "--builder", "oci", "-t", tag, "--progress", "plain"]).success().clone()
    };
    let taking = format!("reading {base}:1 from the Docker daemon");
    build("1").stderr_has(&taking);
    let reference = format!("{repository}:1");
    daemon.docker(["pull", "--quiet", &reference]);
    assert_eq!(daemon.run(&reference, &[]), "a");
    assert_eq!(daemon.run(&reference, &["cat", "/base/dir/top.txt"]), "top");
    let layers = |reference: &str| {
        let facts = daemon.inspect(reference);
        let layers = facts["RootFS"]["Layers"].as_array().cloned();
        layers.unwrap_or_else(|| panic!("{reference} has no layers: {facts:#}"))
    };
    let (own, theirs) = (layers(&reference), layers(&format!("{base}:1")));
    assert_eq!(own[..theirs.len()], theirs[..], "the layers are the daemon's");
    project.write("b.txt", "changed");
    build("2").lacks(&taking);
    daemon.docker(["pull", "--quiet", &format!("{repository}:2")]);
    assert_eq!(daemon.run(&format!("{repository}:2"), &["cat", "/app/b.txt"]), "changed");

    // Without the daemon, the image is not found.
    let alone = one_image(repository.name(), &dockerfile).env("DOCKER_HOST", "unix:///no/daemon.sock");
    alone.run(["build", "--builder", "oci"]).exits(1).stderr_has(format!("cannot pull `{base}:1`"));
}

#[test]
fn unpushed_images_are_loaded_into_the_daemon() {
    let Some(daemon) = Daemon::acquire() else { return };
    load(&daemon);
}

#[track_caller]
fn load(daemon: &Daemon) {
    let repository = daemon.repository("", "load");
    let project = one_image(repository.name(), "FROM scratch\nCOPY a.txt /x\n").daemon(daemon);
    let build = || {
        project
            .run(["build", "--skip-push", "--builder", "oci", "-t", "1", "--progress", "plain"])
            .success()
            .clone()
    };
    build().stderr_has("loaded into the Docker daemon");
    let reference = format!("{repository}:1");
    assert_eq!(daemon.file(&reference, "/x"), "a");
    // With containerd the ID is the digest of the manifest.
    let own = stored(&project, &reference);
    let id = daemon.image_id(&reference).expect("it exists");
    assert!([own.image_id(), own.digest()].map(|digest| digest.to_string()).contains(&id), "{id}");
    build().stderr_has("skipped: unchanged").lacks("loaded");
    // An image that was removed from the daemon is restored without a build.
    daemon.docker(["image", "rm", "--force", &reference]);
    build().stderr_has("skipped: unchanged").stderr_has("loaded into the Docker daemon");
    assert_eq!(daemon.file(&reference, "/x"), "a");
}

#[test]
fn images_are_exchanged_with_docker_with_containerd() {
    let Some(daemon) = ModernDaemon::acquire(ImageStore::Containerd) else { return };
    let Some(registry) = Registry::start() else { return };
    take_base(&daemon, &registry);
    load(&daemon);

    // The registry has the whole index, and each platform's image can serve as a base image.
    let base = daemon.repository(&registry.address(), "index");
    let platforms = |project: Project, platforms: &str, repository: &TestRepository| {
        let docker = format!("    build:\n      docker:\n        args: [\"--platform\", \"{platforms}\"]\n");
        let image = format!("version: v1beta9\nimages:\n  app:\n    image: {repository}\n{docker}");
        project.file("devspace.yaml", image).daemon(&daemon)
    };
    let dockerfile = "FROM scratch\nARG TARGETARCH\nCOPY <<EOF /arch\n$TARGETARCH\nEOF\n";
    let both = platforms(one_image(base.name(), dockerfile), "linux/amd64,linux/arm64", &base);
    both.run(["build", "--skip-push", "--builder", "oci", "-t", "1"]).success();
    for architecture in ["amd64", "arm64"] {
        let repository = daemon.repository("", "on-index");
        let dockerfile = format!("FROM {base}:1\nCOPY a.txt /app/\n");
        let project = one_image(repository.name(), &dockerfile);
        let project = platforms(project, &format!("linux/{architecture}"), &repository);
        let taking = format!("reading {base}:1 from the Docker daemon");
        let build = ["build", "-b", "--skip-push", "--builder", "oci", "-t", "1", "--progress", "plain"];
        project.run(build).success().stderr_has(&taking);
        project.run(build).success().lacks(&taking);
        let image = ImageTree::of_store(&project, &format!("{repository}:1"));
        let text = format!("{architecture}\n");
        let content = format!("{} {}", text.len(), &windlass::image::Digest::of(&text).hex()[..12]);
        assert_eq!(image.tree.get("arch"), Some(&format!("file 644 0:0 {content}")));
    }
}

#[test]
fn images_of_a_stopped_daemon_are_assembled() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "gone");
    let project = one_image(repository.name(), "FROM scratch\nCOPY a.txt /x\n").daemon(&daemon);
    let build = ["build", "--skip-push", "-t", "1", "--progress", "plain"];
    project.run(build).success().stderr_has("building with Docker");
    let project = project.env("DOCKER_HOST", "unix:///none");
    project.run(["plan"]).success().stdout_has("the Docker daemon that has it does not respond");
    project
        .run(build)
        .success()
        .stderr_has("building: the Docker daemon that has it does not respond")
        .stderr_has("assembling without a daemon");
    project.run(build).success().stderr_has("skipped: unchanged");
}

#[test]
fn heredocs_and_linked_layers_are_written() {
    let dockerfile = "FROM scratch AS base\nCOPY --chmod=1777 dir /tmp/\nCOPY dir /real\nFROM base\nENV NAME=world\nCOPY <<EOF <<-'raw' /docs/\nhello \"$NAME\" \\$NAME\nEOF\n\tkeeps $NAME\nraw\nCOPY --chown=3 --chmod=600 <<EOF /single\none\nEOF\nCOPY --link --chown=5:6 a.txt /tmp/linked/\nCOPY --exclude=*.txt --exclude=sub dir /some/\n";
    let project = one_image("acme/docs", dockerfile);
    project.run(["build", "--skip-push", "-t", "1"]).success();
    let tree = ImageTree::of_store(&project, "acme/docs:1").tree;
    let line = |path: &str| tree.get(path).map(String::as_str).unwrap_or_default();
    let content = |text: &str| format!("{} {}", text.len(), &windlass::image::Digest::of(text).hex()[..12]);
    assert_eq!(line("docs/EOF"), format!("file 644 0:0 {}", content("hello \"world\" $NAME\n")));
    assert_eq!(line("docs/raw"), format!("file 644 0:0 {}", content("keeps $NAME\n")));
    assert_eq!(line("single"), format!("file 600 3:3 {}", content("one\n")));
    assert!(line("tmp/linked/a.txt").starts_with("file 644 5:6"), "{tree:?}");
    assert_eq!(
        line("tmp"),
        "folder 755 5:6",
        "the directory of a linked file belongs to its layer: {tree:?}"
    );
    assert!(
        tree.contains_key("some/lnk") && !tree.contains_key("some/top.txt") && !tree.contains_key("some/sub"),
        "{tree:?}"
    );
}

#[test]
fn urls_are_downloaded_and_verified() {
    let address = serve();
    let digest = windlass::image::Digest::of("hello");
    let build = |dockerfile: String| {
        let project = one_image("acme/add", &dockerfile);
        let output = project.run(["build", "--skip-push", "-t", "1"]);
        (project, output)
    };
    let (project, output) = build(format!(
        "FROM scratch\nADD --checksum={digest} http://{address}/a/file.bin?x=1 /get/\nADD --chmod=644 http://{address}/ /get/\nADD http://{address}/z /named\n"
    ));
    output.success();
    let tree = ImageTree::of_store(&project, "acme/add:1").tree;
    let hello = format!("5 {}", &digest.hex()[..12]);
    assert_eq!(tree.get("get/file.bin"), Some(&format!("file 600 0:0 {hello}")));
    assert_eq!(tree.get("get/__unnamed__"), Some(&format!("file 644 0:0 {hello}")));
    assert_eq!(tree.get("named"), Some(&format!("file 600 0:0 {hello}")));
    let (_, output) = build(format!("FROM scratch\nADD --checksum=sha256:{:064} http://{address}/a /\n", 1));
    output.exits(1).stderr_says("digest mismatch: the content has");
    let (_, output) = build(format!("FROM scratch\nADD http://{address}/gone /\n"));
    output.exits(1).stderr_has("the server returned 404").stderr_has("[Dockerfile:2:1]");
}

#[test]
fn malicious_archives_stay_in_the_directory_or_are_rejected() {
    let raw = |path: &str, kind: tar::EntryType, link: &str, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        let gnu = header.as_gnu_mut().expect("a GNU header");
        gnu.name[..path.len()].copy_from_slice(path.as_bytes());
        gnu.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        let mut entry = header.as_bytes().to_vec();
        entry.extend_from_slice(content);
        entry.resize(entry.len().next_multiple_of(512), 0);
        entry
    };
    let file = tar::EntryType::Regular;
    let build = |parts: &[Vec<u8>]| {
        let project = one_image("acme/tar", "FROM scratch\nADD files.tar /in/\n");
        project.write("files.tar", [parts.concat(), vec![0; 1024]].concat());
        let output = project.run(["build", "--skip-push", "-t", "1"]);
        (project, output)
    };
    for (path, kind, link) in [
        ("../out", file, ""),
        ("a/../../out", file, ""),
        ("hard", tar::EntryType::Link, "../../etc/passwd"),
        ("hard", tar::EntryType::Link, "nowhere"),
    ] {
        let (_, output) = build(&[raw(path, kind, link, b"")]);
        output.exits(1).stderr_has("cannot unpack `files.tar`").stderr_has("[Dockerfile:2:1]");
    }
    let (_, output) =
        build(&[raw("round", tar::EntryType::Symlink, "round", b""), raw("round/x", file, "", b"x")]);
    output.exits(1).stderr_has("cycle of symlinks");
    let (_, output) = build(&[raw(".wh.x", file, "", b"x")]);
    output.exits(1).stderr_has("cannot be in an image");
    // Links are resolved inside the directory that the archive is unpacked into.
    let links = [
        raw("up", tar::EntryType::Symlink, "../../..", b""),
        raw("up/etc/x", file, "", b"x"),
        raw("/abs", file, "", b"x"),
    ];
    let (project, output) = build(&links);
    output.success();
    let tree = ImageTree::of_store(&project, "acme/tar:1").tree;
    assert!(tree.keys().all(|path| path == "in" || path.starts_with("in/")), "{tree:?}");
    assert!(tree.contains_key("in/etc/x") && tree.contains_key("in/abs"), "{tree:?}");
    // A truncated archive.
    let mut broken = raw("a", file, "", &[7; 4000]);
    broken.truncate(1000);
    let project = one_image("acme/tar", "FROM scratch\nADD files.tar /in/\n");
    project.write("files.tar", broken);
    project.run(["build", "--skip-push"]).exits(1).stderr_has("cannot unpack `files.tar`");
}

#[test]
fn a_layer_with_the_wrong_digest_is_rejected() {
    let Some(registry) = Registry::start() else { return };
    let folder = tempfile::tempdir().expect("a directory");
    let store = BlobStore::new(folder.path().join("oci"));
    let mut tar = tar::Builder::new(LayerWriter::new(&store, Compression::Gzip).expect("a layer"));
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.set_mode(0o644);
    tar.append_data(&mut header, "etc/file", &b"x"[..]).expect("written");
    let layer = tar.into_inner().expect("an archive").finish().expect("a layer");
    let other = Digest::of("another archive");
    let config = json!({
        "architecture": std::env::consts::ARCH.replace("x86_64", "amd64").replace("aarch64", "arm64"),
        "os": "linux", "rootfs": {"type": "layers", "diff_ids": [other]},
    });
    let image =
        StoredImage::assemble(&store, config.to_string(), std::slice::from_ref(&layer), Default::default());
    let image = image.expect("an image").digest();
    let base = format!("{}/base:1", registry.address());
    let client = RegistryClient::new(Arc::new(CredentialStore::at(folder.path())));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let references = [base.parse().expect("a reference")];
    let events = Events::none().of_image("base");
    runtime.block_on(client.push(&store, &image, &references, &events)).expect("pushed");

    let project = one_image(
        &format!("{}/app", registry.address()),
        &format!("FROM {base}\nCOPY --from={base} /etc/file /copy\n"),
    );
    let output = project.run(["build", "--builder", "oci", "-t", "1"]);
    output.exits(1).stderr_says("digest mismatch in layer");
    output.stderr_has(layer.diff_id.to_string()).stderr_has(other.to_string());
    assert_eq!(registry.digest_at("app", "1"), None);
}
