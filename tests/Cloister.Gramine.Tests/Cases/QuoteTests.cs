using Cloister.Contracts.KmsV2;
using Cloister.Gramine.Tests.Devices;
using Cloister.Gramine.Tests.Ground;

namespace Cloister.Gramine.Tests.Cases;

/// <summary>A host whose quoting service fails: what is said names it, what there is goes on, and it heals by itself.</summary>
public sealed class QuoteTests
{
    [Theory]
    [InlineData(nameof(Fault.NoAccess))]
    [InlineData(nameof(Fault.InputOutput))]
    public Task Without_a_sealed_copy_it_waits_and_says_for_what(string fault) => WaitsAsync(Enum.Parse<Fault>(fault));

    [Theory]
    [InlineData(nameof(Fault.NoAccess))]
    [InlineData(nameof(Fault.InputOutput))]
    public async Task With_a_sealed_copy_it_serves_from_it_and_a_new_lease_follows(string fault)
    {
        await using SgxNode node = await SgxNode.StartAsync(new NodeOptions { SealsLease = true });
        using KmsClient kms = new(node.KmsSocket);
        EncryptResponse before = await kms.EncryptAsync([1, 2, 3]);
        Assert.Equal(0, (await node.StopEnclaveAsync()).ExitCode);

        node.Attestation.Fault = Enum.Parse<Fault>(fault);
        node.StartEnclave();
        await SaysAsync(node);
        await node.SaysAsync("comes from the sealed copy");
        Assert.Equal([1, 2, 3], await kms.DecryptAsync(before));

        node.Attestation.Fault = Fault.None;
        await node.SaysAsync("lease", "granted by");
        await kms.RoundTripAsync();
    }

    [Theory]
    [InlineData(nameof(Fault.NoAccess))]
    [InlineData(nameof(Fault.InputOutput))]
    public Task At_a_renewal_the_lease_goes_on_and_is_renewed_when_quotes_come_again(string fault) => RenewsAsync(Enum.Parse<Fault>(fault));

    internal static Task<string> SaysAsync(SgxNode node) => node.SaysAsync("no lease from a broker at step evidence", "quoting");

    internal static async Task WaitsAsync(Fault fault)
    {
        await using SgxNode node = await SgxNode.PrepareAsync();
        node.Attestation.Fault = fault;
        node.StartEnclave();
        Assert.Contains("there is no KEK", await SaysAsync(node), StringComparison.Ordinal);
        using KmsClient kms = new(node.KmsSocket);
        Assert.Contains("quoting", await kms.HealthAsync(), StringComparison.Ordinal);

        node.Attestation.Fault = Fault.None;
        await node.UntilServingAsync();
    }

    internal static async Task RenewsAsync(Fault fault)
    {
        await using SgxNode node = await SgxNode.StartAsync();
        using KmsClient kms = new(node.KmsSocket);
        string keyId = (await kms.StatusAsync()).KeyId;
        node.Attestation.Fault = fault;
        await node.Admin.RotateAsync(SgxNode.Kek);

        Assert.Contains("goes on until", await SaysAsync(node), StringComparison.Ordinal);
        StatusResponse status = await kms.StatusAsync();
        Assert.Equal(("ok", keyId), (status.Healthz, status.KeyId));
        await kms.RoundTripAsync();

        node.Attestation.Fault = Fault.None;
        await node.SaysAsync("lease", "renewed by");
        await node.HoldsAsync("the new KEK is used", async () => (await kms.StatusAsync()).KeyId != keyId);
        await kms.RoundTripAsync();
    }
}

// A quote that hangs is given up after a minute: each of these takes one, beside the others.

public sealed class HangingQuoteAtStartTests
{
    [Fact]
    public Task It_waits_and_says_for_what() => QuoteTests.WaitsAsync(Fault.Hangs);
}

public sealed class HangingQuoteAtRenewalTests
{
    [Fact]
    public Task The_lease_goes_on_and_is_renewed_when_quotes_come_again() => QuoteTests.RenewsAsync(Fault.Hangs);
}

public sealed class HangingQuoteBeforeASealedCopyTests
{
    // Gramine opens no other file, the sealing key's and the copy's included, before a quote that it was asked for has ended (g_dcache_lock).
    [Fact]
    public async Task The_sealed_copy_is_used_once_the_quote_has_failed()
    {
        await using SgxNode node = await SgxNode.StartAsync(new NodeOptions { SealsLease = true });
        using KmsClient kms = new(node.KmsSocket);
        EncryptResponse before = await kms.EncryptAsync([1, 2, 3]);
        Assert.Equal(0, (await node.StopEnclaveAsync()).ExitCode);

        node.Attestation.Fault = Fault.Hangs;
        node.StartEnclave();
        Assert.Contains("there is no KEK", await QuoteTests.SaysAsync(node), StringComparison.Ordinal);
        node.Attestation.Fault = Fault.NoAccess;
        await node.SaysAsync("comes from the sealed copy");
        Assert.Equal([1, 2, 3], await kms.DecryptAsync(before));

        node.Attestation.Fault = Fault.None;
        await node.SaysAsync("lease", "granted by");
        await kms.RoundTripAsync();
    }
}
