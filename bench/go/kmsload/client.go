package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	kmsv1 "k8s.io/kms/apis/v1beta1"
	kmsv2 "k8s.io/kms/apis/v2"
)

const callTimeout = 3 * time.Second

// dial makes a connection with the options that kube-apiserver's KMS clients have. The one for v1 leaves the authority to
// grpc-go, which then sends the path of the socket.
func dial(api, path string, connect func(context.Context) (net.Conn, error)) (*grpc.ClientConn, error) {
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return connect(ctx) }),
	}
	if api != "v1" {
		options = append(options, grpc.WithAuthority("localhost"))
	}
	return grpc.NewClient("passthrough:"+path, options...)
}

func unixSocket(path string) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) {
		return net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	}
}

// call is one request; it returns an error also when the answer is empty.
type call func(ctx context.Context) error

var errEmpty = errors.New("empty answer")

func newCall(connection *grpc.ClientConn, api, op string, size, batch int) (call, error) {
	plaintext := make([]byte, size)
	rand.Read(plaintext)
	switch api {
	case "v2":
		return newCallV2(kmsv2.NewKeyManagementServiceClient(connection), op, plaintext)
	case "v1":
		return newCallV1(kmsv1.NewKeyManagementServiceClient(connection), op, plaintext)
	case "secrets":
		return newCallSecrets(connection, op, plaintext, batch)
	case "local":
		return newCallLocal(op, plaintext, batch)
	}
	return nil, errors.New("unknown API " + api)
}

func newCallV2(client kmsv2.KeyManagementServiceClient, op string, plaintext []byte) (call, error) {
	const uid = "31c4e2a0-8f5b-4f0f-9d0e-0d6d2f7f6c11"
	encrypt := &kmsv2.EncryptRequest{Plaintext: plaintext, Uid: uid}
	switch op {
	case "status":
		return func(ctx context.Context) error {
			answer, err := client.Status(ctx, &kmsv2.StatusRequest{})
			return check(err, len(answer.GetKeyId()))
		}, nil
	case "encrypt":
		return func(ctx context.Context) error {
			answer, err := client.Encrypt(ctx, encrypt)
			return check(err, len(answer.GetCiphertext()))
		}, nil
	case "decrypt":
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		defer cancel()
		sealed, err := client.Encrypt(ctx, encrypt)
		if err != nil {
			return nil, err
		}
		decrypt := &kmsv2.DecryptRequest{Ciphertext: sealed.Ciphertext, KeyId: sealed.KeyId, Annotations: sealed.Annotations, Uid: uid}
		return func(ctx context.Context) error {
			answer, err := client.Decrypt(ctx, decrypt)
			return check(err, len(answer.GetPlaintext()))
		}, nil
	}
	return nil, errors.New("unknown operation " + op)
}

func newCallV1(client kmsv1.KeyManagementServiceClient, op string, plaintext []byte) (call, error) {
	encrypt := &kmsv1.EncryptRequest{Version: "v1beta1", Plain: plaintext}
	switch op {
	case "status":
		return func(ctx context.Context) error {
			answer, err := client.Version(ctx, &kmsv1.VersionRequest{Version: "v1beta1"})
			return check(err, len(answer.GetVersion()))
		}, nil
	case "encrypt":
		return func(ctx context.Context) error {
			answer, err := client.Encrypt(ctx, encrypt)
			return check(err, len(answer.GetCipher()))
		}, nil
	case "decrypt":
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		defer cancel()
		sealed, err := client.Encrypt(ctx, encrypt)
		if err != nil {
			return nil, err
		}
		decrypt := &kmsv1.DecryptRequest{Version: "v1beta1", Cipher: sealed.Cipher}
		return func(ctx context.Context) error {
			answer, err := client.Decrypt(ctx, decrypt)
			return check(err, len(answer.GetPlain()))
		}, nil
	}
	return nil, errors.New("unknown operation " + op)
}

func check(err error, size int) error {
	if err == nil && size == 0 {
		return errEmpty
	}
	return err
}
