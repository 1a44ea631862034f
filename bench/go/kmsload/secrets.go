package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"cloister/integrations/apiserver/secretsv1"
	"google.golang.org/grpc"
	"k8s.io/apiserver/pkg/storage/value"
	"k8s.io/apiserver/pkg/storage/value/encrypt/aes"
)

const etcdKey = "/registry/secrets/default/bench"

// newCallSecrets is one call of the secrets service, which takes whole values; decryptbatch has several in one.
func newCallSecrets(connection *grpc.ClientConn, op string, plaintext []byte, batch int) (call, error) {
	client := secretsv1.NewSecretsClient(connection)
	encrypt := &secretsv1.EncryptRequest{Key: []byte(etcdKey), Plaintext: plaintext}
	if op == "encrypt" {
		return func(ctx context.Context) error {
			answer, err := client.Encrypt(ctx, encrypt)
			return check(err, len(answer.GetStored()))
		}, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	sealed, err := client.Encrypt(ctx, encrypt)
	if err != nil {
		return nil, err
	}
	decrypt := &secretsv1.DecryptRequest{Key: []byte(etcdKey), Stored: sealed.Stored}
	switch op {
	case "decrypt":
		return func(ctx context.Context) error {
			answer, err := client.Decrypt(ctx, decrypt)
			return check(err, len(answer.GetPlaintext()))
		}, nil
	case "decryptbatch":
		several := &secretsv1.DecryptBatchRequest{}
		for range batch {
			several.Items = append(several.Items, decrypt)
		}
		return func(ctx context.Context) error {
			answer, err := client.DecryptBatch(ctx, several)
			if err != nil {
				return err
			}
			for _, item := range answer.Items {
				if item.Outcome != secretsv1.Outcome_OUTCOME_DONE || len(item.Plaintext) != len(plaintext) {
					return fmt.Errorf("a value of the batch does not open: %v", item.Outcome)
				}
			}
			return check(nil, len(answer.Items))
		}, nil
	}
	return nil, errors.New("unknown operation " + op)
}

// newCallLocal is what kube-apiserver with a KMS v2 provider does instead, without any call: its own transformer with a seed in its memory, as
// often in one call as batch says.
func newCallLocal(op string, plaintext []byte, batch int) (call, error) {
	seed := make([]byte, 32)
	rand.Read(seed)
	transformer, err := aes.NewHKDFExtendedNonceGCMTransformer(seed)
	if err != nil {
		return nil, err
	}
	key := value.DefaultContext(etcdKey)
	stored, err := transformer.TransformToStorage(context.Background(), plaintext, key)
	if err != nil {
		return nil, err
	}
	one := map[string]call{
		"encrypt": func(ctx context.Context) error {
			out, err := transformer.TransformToStorage(ctx, plaintext, key)
			return check(err, len(out))
		},
		"decrypt": func(ctx context.Context) error {
			out, _, err := transformer.TransformFromStorage(ctx, stored, key)
			return check(err, len(out))
		},
	}[op]
	if one == nil {
		return nil, errors.New("unknown operation " + op)
	}
	return func(ctx context.Context) error {
		for range batch {
			if err := one(ctx); err != nil {
				return err
			}
		}
		return nil
	}, nil
}
