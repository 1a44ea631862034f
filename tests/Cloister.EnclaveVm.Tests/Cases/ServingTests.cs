using System.Text.RegularExpressions;
using Cloister.Broker.State.Revocations;
using Cloister.Contracts.KmsV2;
using Cloister.EnclaveVm.Tests.Ground;
using Cloister.Gramine.Tests.Ground;

namespace Cloister.EnclaveVm.Tests.Cases;

/// <summary>One life of a machine, from its start to SIGTERM.</summary>
public sealed partial class ServingTests
{
    private const int SigTermLimit = 5;

    [Fact]
    public async Task It_attests_serves_and_wipes_its_KEK_when_its_measurement_is_revoked()
    {
        await using VmNode node = await VmNode.PrepareAsync();
        TimeSpan started = await node.StartServingAsync();
        TestContext.Current.TestOutputHelper!.WriteLine($"first answered Status {started.TotalSeconds:F1} s after the start");
        TestContext.Current.SendDiagnosticMessage("enclave VM: first answered Status {0:F1} s after the start", started.TotalSeconds);

        using KmsClient kms = new(node.KmsSocket);
        StatusResponse status = await kms.StatusAsync();
        EncryptResponse encrypted = await kms.EncryptAsync([1, 2, 3]);
        Assert.Equal(("v2", "ok"), (status.Version, status.Healthz));
        Assert.Equal(status.KeyId, encrypted.KeyId);
        Assert.Equal([1, 2, 3], await kms.DecryptAsync(encrypted));
        await node.SaysAsync("ready");
        Assert.Contains("THE TEE IS SIMULATED", node.Console, StringComparison.Ordinal);
        Assert.Contains("NO TEE: this host reads the machine's memory", node.Console, StringComparison.Ordinal);

        await node.Admin.RevokeAsync(RevocationKind.Measurement, node.Measurement);
        await node.SaysAsync("this measurement is revoked", "there is no KEK");
        await node.HoldsAsync("Status fails", async () => await kms.HealthAsync() != "ok");
        await Assert.ThrowsAsync<Grpc.Core.RpcException>(() => kms.DecryptAsync(encrypted));

        // What it says is its log and no more: no line of the kernel, and nothing that is as long as a key.
        Assert.DoesNotMatch(LongHex, LeaseIds.Replace(node.Console, ""));
        Assert.True(await node.Machine.TerminateAsync(TimeSpan.FromSeconds(SigTermLimit)), "it did not stop in time");
        Assert.Equal(0, node.Machine.ExitCode);
    }

    [GeneratedRegex("[0-9a-f]{64}")]
    private static partial Regex LongHex { get; }

    [GeneratedRegex("key_id [^ ,]+")]
    private static partial Regex LeaseIds { get; }
}
