using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Attestation;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Simulator.Dcap;

namespace Cloister.Bench;

/// <summary>
/// Verification of minted SGX and TDX evidence against the bare cost of as many P-256 signature verifications with keys that are ready, taking turns, in us.
/// Cold: all collateral, nine signatures. Warm: collateral verified before, three signatures.
/// </summary>
internal static class AttestationBench
{
    private const int Operations = 200;
    private const int ColdSignatures = 9;
    private const int WarmSignatures = 3;

    internal static JsonObject Run(int rounds)
    {
        DateTimeOffset now = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);
        VerificationTime time = VerificationTime.At(now);
        using DcapVendor vendor = DcapVendor.Create(now.AddYears(-1));
        using DcapPlatform platform = vendor.NewPlatform(new DcapPlatformRequest());
        JsonObject results = [];
        foreach ((Tee tee, byte[] quote) in ((Tee, byte[])[])[(Tee.Sgx, platform.QuoteSgx(new EnclaveReportFields())), (Tee.Tdx, platform.QuoteTdx(new TdReportFields()))])
        {
            DcapCollateral collateral = vendor.NewCollateral(platform, new DcapCollateralRequest { Tee = tee, IssueDate = now.AddDays(-1), NextUpdate = now.AddDays(29) });
            VerifiedDcapCollateral verified = DcapVerifier.VerifyCollateral(collateral, vendor.Anchors, time, out StepFailure? failure)
                ?? throw new InvalidOperationException(failure?.ToString());
            string name = TeeNames.NameOf(tee);
            results[$"{name}Cold"] = Compare(rounds, ColdSignatures, () => DcapVerifier.Verify(tee, quote, collateral, vendor.Anchors, time));
            results[$"{name}Warm"] = Compare(rounds, WarmSignatures, () => DcapVerifier.Verify(tee, quote, verified, time));
        }

        return results;
    }

    private static JsonObject Compare(int rounds, int signatures, Func<VerificationResult> verify)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] message = new byte[600];
        byte[] signature = key.SignData(message, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        List<double> ours = [];
        List<double> bare = [];

        // The first rounds warm up.
        for (int round = -5; round < rounds; round++)
        {
            double verifying = Time(() => _ = verify().IsAuthentic ? true : throw new InvalidOperationException("The evidence does not verify."));
            double signing = Time(() =>
            {
                for (int i = 0; i < signatures; i++)
                {
                    key.VerifyData(message, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
                }
            });
            if (round >= 0)
            {
                ours.Add(verifying);
                bare.Add(signing);
            }
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        verify();
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        JsonObject result = Spread.Compare(ours, bare);
        result["bytesAllocated"] = allocated;
        return result;
    }

    private static double Time(Action operation)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < Operations; i++)
        {
            operation();
        }

        return Stopwatch.GetElapsedTime(start).TotalMicroseconds / Operations;
    }
}
