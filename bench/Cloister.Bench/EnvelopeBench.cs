using System.Diagnostics;
using System.Text.Json.Nodes;
using Cloister.Contracts.Envelope;
using Cloister.Enclave.Crypto;
using Cloister.Enclave.Envelope;
using Cloister.Enclave.Keys;
using Cloister.Enclave.Memory;

namespace Cloister.Bench;

/// <summary>Cost of one envelope encryption, in this process, in ns.</summary>
internal static class EnvelopeBench
{
    private const int Operations = 200_000;

    internal static JsonObject Run(int rounds)
    {
        using SecretArena arena = new(16);
        using Kek kek = Kek.Manual("bench", 1, SecretKey.Generate(arena));
        EnvelopeContext context = new(EnvelopeContext.KmsPurpose, "bench", "tee");
        byte[] dek = new byte[32];
        byte[] edek = new byte[Edek.MaxSize];
        byte[] plaintext = new byte[Edek.MaxSize];

        // A fresh DEK of honest random bytes, wrapped into an EDEK with a fresh nonce.
        void Encrypt()
        {
            RandomPool.Shared.Fill(dek);
            EdekCipher.Encrypt(kek.Cipher, context, EdekSuite.Kek, kek.Fingerprint, default, dek, edek);
        }

        int length = EdekCipher.Encrypt(kek.Cipher, context, EdekSuite.Kek, kek.Fingerprint, default, dek, edek);
        byte[] one = edek[..length];
        void Decrypt() => EdekCipher.Decrypt(kek.Cipher, context, Edek.Parse(one), plaintext);

        return new JsonObject { ["xaeswrap"] = Measure(rounds, Encrypt), ["xaesunwrap"] = Measure(rounds, Decrypt) };
    }

    private static JsonObject Measure(int rounds, Action operation)
    {
        List<double> results = [];
        for (int round = 0; round <= rounds; round++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < Operations; i++)
            {
                operation();
            }

            // The first round warms up.
            if (round > 0)
            {
                results.Add(Stopwatch.GetElapsedTime(start).TotalNanoseconds / Operations);
            }
        }

        return new JsonObject { ["median"] = Spread.Median(results), ["min"] = results.Min(), ["max"] = results.Max() };
    }
}
