# Shortcuts for people; everything here is plain Maven and the launcher.

.PHONY: help build test check format bench clean

help:
	@echo "make build   build, as ./fathom does by itself"
	@echo "make test    unit tests without the slow ones, about a minute"
	@echo "make check   all that the continuous integration runs, about twenty minutes"
	@echo "make format  format the sources"
	@echo "make bench   throughput and latency of the embedded model behind the server"
	@echo "make clean   remove builds"

build:
	./fathom version

test:
	mvn -q -B -Dquick -DforkCount=2 -Dfathom.excludedGroups=slow -pl engine test

check:
	.ci/run

format:
	.ci/formatter apply

bench:
	.ci/with-server -- ./fathom bench --base-url {} --num-prompts 64 --random-input-len 256 --random-output-len 64

clean:
	mvn -q -B clean
	rm -rf .build
