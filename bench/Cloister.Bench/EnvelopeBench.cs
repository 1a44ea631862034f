using System.Diagnostics;
using System.Text.Json.Nodes;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Crypto;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Bench;

/// <summary>Cost of one envelope encryption, in this process, in ns.</summary>
internal static class EnvelopeBench
{
    private const int Operations = 200_000;

    internal static JsonObject Run(int rounds)
    {
        using SecretArena arena = new(16);
        ManualCustody custody = new(new EnvelopeContext(EnvelopeContext.KmsPurpose, "bench", "tee"), arena, sealedKeks: null);
        KeyFingerprint kek = custody.Create("bench").Fingerprint;
        byte[] dek = new byte[32];
        byte[] edek = new byte[Edek.MaxSize];
        byte[] plaintext = new byte[Edek.MaxSize];

        // A fresh DEK of honest random bytes, wrapped into an EDEK with a fresh nonce; the custody does it at once, without waiting.
        int Encrypt()
        {
            KernelRandom.Fill(dek);
            return custody.EncryptAsync(dek, edek, CancellationToken.None).AsTask().GetAwaiter().GetResult().Length;
        }

        byte[] one = edek[..Encrypt()];
        int Decrypt() => custody.DecryptAsync(kek, one, plaintext, CancellationToken.None).AsTask().GetAwaiter().GetResult();

        return new JsonObject { ["xaeswrap"] = Measure(rounds, Encrypt), ["xaesunwrap"] = Measure(rounds, Decrypt) };
    }

    private static JsonObject Measure(int rounds, Func<int> operation)
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
