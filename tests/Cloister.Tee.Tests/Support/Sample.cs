using System.Text;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Claims;
using Cloister.Attestation.Policies;
using Cloister.Attestation.Verify;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Tees;
using Cloister.Enclave.Tees.Devices;
using Cloister.Enclave.Tees.Sgx;

namespace Cloister.Tee.Tests.Support;

/// <summary>What many tests need.</summary>
internal static class Sample
{
    internal static readonly byte[] Configuration = Encoding.UTF8.GetBytes("kind: EnclaveConfiguration\n");

    internal static byte[] Bytes(int length, byte value) => [.. Enumerable.Repeat(value, length)];

    /// <summary>What evidence is to cover, other for every <paramref name="seed"/>.</summary>
    internal static EvidenceBinding Binding(byte seed = 7) =>
        new(new byte[] { seed, 1, 2, 3 }.Concat(new byte[60]).ToArray(), Encoding.ASCII.GetBytes($"bm9uY2U{seed}"), Bytes(91, seed));

    /// <summary>A gate that loses patience soon.</summary>
    internal static DeviceGate Gate(string device) => new(device, TimeSpan.FromSeconds(20), TimeSpan.FromMilliseconds(1));

    /// <summary>The TEE that the detector finds.</summary>
    internal static ITee Found(FakeMachine machine)
    {
        ITee? tee = TeeDetector.Find(machine, PageProtection.Real, Gate, out _, out string whatToDo);
        Assert.Equal("", whatToDo);
        return Assert.IsAssignableFrom<ITee>(tee);
    }

    /// <summary>Why the detector finds none.</summary>
    internal static string NotFound(FakeMachine machine, IPageProtection? protection = null, Func<string, DeviceGate>? gate = null)
    {
        ITee? tee = TeeDetector.Find(machine, protection ?? PageProtection.Real, gate ?? Gate, out _, out string whatToDo);
        Assert.Null(tee);
        OneMessage(whatToDo);
        return whatToDo;
    }

    internal static void OneMessage(string message)
    {
        Assert.NotEmpty(message);
        Assert.DoesNotContain('\n', message);
        Assert.DoesNotContain("   at ", message, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", message, StringComparison.Ordinal);
    }

    /// <summary>Why evidence is not given.</summary>
    internal static async Task<BrokerException> RefusedAsync(ITee tee, EvidenceBinding? binding = null)
    {
        BrokerException refusal = await Assert.ThrowsAsync<BrokerException>(
            async () => await tee.Evidence!.GetAsync(binding ?? Binding(), TestContext.Current.CancellationToken));
        Assert.Equal("evidence", refusal.Step);
        OneMessage(refusal.Message);
        return refusal;
    }

    /// <summary>One member of evidence that is given.</summary>
    internal static async Task<byte[]> EvidenceAsync(ITee tee, string member, EvidenceBinding? binding = null) =>
        (await tee.Evidence!.GetAsync(binding ?? Binding(), TestContext.Current.CancellationToken)).GetProperty(member).GetBytesFromBase64();

    /// <summary>Holds authentic evidence against a policy that expects the binding.</summary>
    internal static AppraisalResult Appraise(VerificationResult verified, string policy, EvidenceBinding? binding = null)
    {
        Assert.True(verified.IsAuthentic, verified.Failure?.ToString());
        PolicyReadResult read = AppraisalPolicyReader.Read(policy);
        Assert.True(read.IsValid, string.Join('\n', read.Errors));
        EvidenceBinding expected = binding ?? Binding();
        return Appraiser.Appraise(verified, read.Policy, new Expectations(
            KeyValuePair.Create(ClaimNames.ReportData, expected.ReportData),
            KeyValuePair.Create(ClaimNames.UserData, expected.ReportData),
            KeyValuePair.Create(ClaimNames.Nonce, expected.Nonce),
            KeyValuePair.Create(ClaimNames.PublicKey, expected.PublicKey)));
    }
}
