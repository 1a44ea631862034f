using Cloister.Contracts.KmsV2;
using Cloister.Gramine.Tests.Devices;
using Cloister.Gramine.Tests.Ground;

namespace Cloister.Gramine.Tests.Cases;

/// <summary>Starts that are refused, and one while the broker is away.</summary>
public sealed class StartTests
{
    [Theory]
    [InlineData(nameof(Fault.NoAttestation), "sgx.remote_attestation = \"dcap\"")]
    [InlineData(nameof(Fault.Debug), "sgx.debug = false")]
    public async Task An_enclave_that_protects_nothing_ends_and_says_what_to_change(string fault, string advice)
    {
        await using SgxNode node = await SgxNode.PrepareAsync();
        node.Attestation.Fault = Enum.Parse<Fault>(fault);
        node.StartEnclave();
        InvalidOperationException ended = await Assert.ThrowsAsync<InvalidOperationException>(() => node.SaysAsync("kms listens"));
        Assert.Contains(advice, ended.Message, StringComparison.Ordinal);
        Assert.Equal(1, node.Enclave.ExitCode);
    }

    [Fact]
    public async Task While_the_broker_is_away_a_sealed_lease_serves_and_is_renewed_when_it_is_back()
    {
        await using SgxNode node = await SgxNode.StartAsync(new NodeOptions { SealsLease = true });
        using KmsClient kms = new(node.KmsSocket);
        EncryptResponse before = await kms.EncryptAsync([1, 2, 3]);
        Assert.Equal(0, (await node.StopEnclaveAsync()).ExitCode);
        await node.StopBrokerAsync();

        node.StartEnclave();
        await node.SaysAsync("comes from the sealed copy");
        await node.UntilServingAsync();
        Assert.Equal([1, 2, 3], await kms.DecryptAsync(before));

        await node.StartBrokerAsync();
        await node.SaysAsync("lease", "granted by");
        await kms.RoundTripAsync();
    }

    [Fact]
    public async Task Without_one_it_waits_for_the_broker()
    {
        await using SgxNode node = await SgxNode.PrepareAsync();
        await node.StopBrokerAsync();
        node.StartEnclave();
        await node.SaysAsync("no lease from a broker", "there is no KEK");
        await node.StartBrokerAsync();
        await node.UntilServingAsync();
    }
}
