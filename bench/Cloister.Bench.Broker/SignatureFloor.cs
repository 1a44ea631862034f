using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Broker.Tests;

namespace Cloister.Bench.Broker;

/// <summary>
/// What no broker can be cheaper than: the P-256 operations of one attestation in OpenSSL, with keys that are ready. Quote, QE report and PCK
/// certificate are verified (the rest of the collateral was before); lease and token are signed; the KEK is encrypted to the attested key.
/// </summary>
internal static class SignatureFloor
{
    private const int Count = 300;

    /// <summary>us for one attestation, and what of it verifies; and what the load program itself takes to make the evidence.</summary>
    internal static JsonObject Measure(SimulatedEnclave enclave)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using ECDiffieHellman ours = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        byte[] message = new byte[600];
        byte[] signature = key.SignData(message, HashAlgorithmName.SHA256);
        double verify = Time(() => key.VerifyData(message, signature, HashAlgorithmName.SHA256));
        double sign = Time(() => key.SignData(message, HashAlgorithmName.SHA256));
        double agree = Time(() => ours.DeriveRawSecretAgreement(enclave.Key.PublicKey));
        byte[] reportData = new byte[64];
        return new JsonObject
        {
            ["verifyUs"] = Math.Round(3 * verify, 1),
            ["attestationUs"] = Math.Round((3 * verify) + (2 * sign) + agree, 1),
            ["clientQuoteUs"] = Math.Round(Time(() => enclave.Quote(reportData)), 1),
        };
    }

    private static double Time(Action operation)
    {
        for (int i = 0; i < Count; i++)
        {
            operation();
        }

        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < Count; i++)
        {
            operation();
        }

        return Stopwatch.GetElapsedTime(start).TotalMicroseconds / Count;
    }
}
