// Echo in Go: a goroutine for each connection, on one processor.
package main

import (
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// At each SIGUSR1 writes "user system", the nanoseconds that the process has used.
func reportUsage(asked <-chan os.Signal) {
	for range asked {
		var used syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
			log.Fatal(err)
		}
		fmt.Println(used.Utime.Nano(), used.Stime.Nano())
	}
}

func echo(peer net.Conn) {
	defer peer.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := peer.Read(buffer)
		if err != nil {
			return
		}
		if _, err := peer.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	go reportUsage(asked)
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	for {
		peer, err := listener.Accept() // sets TCP_NODELAY
		if err != nil {
			log.Fatal(err)
		}
		go echo(peer)
	}
}
