using Cloister.Conformance.Harness;
using Cloister.Conformance.Plugins;

namespace Cloister.Conformance.Cases;

/// <summary>A plugin with the right name and other keys opens nothing, and does no harm.</summary>
public abstract class WrongKeyCases(Way way)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_secret_does_not_open_with_the_keys_of_another_installation()
    {
        await using Cluster cluster = await Cluster.StartAsync(way, Cancellation);
        (await cluster.Kubectl.CreateSecretAsync("ours", "not for strangers", Cancellation)).EnsureSuccess();
        byte[] stored = await cluster.StoredAsync("ours", Cancellation);
        await cluster.StopApiServerAsync();

        await using IPluginUnderTest stranger = cluster.CreateStranger();
        await stranger.StartAsync(Cancellation);
        await cluster.ConfigureAsync(stranger.EncryptionConfiguration, Cancellation);
        await cluster.StartApiServerAsync(Cancellation);
        await Eventually.HoldsAsync(
            "the API server lives", TimeSpan.FromSeconds(60), () => cluster.Kubectl.IsOkAsync("/livez", Cancellation), Cancellation);
        CommandResult read = await cluster.Kubectl.RunAsync(Cancellation, "get", "secret", "ours", "-o", "yaml");
        Assert.False(read.Succeeded);
        Assert.DoesNotContain(Convert.ToBase64String("not for strangers"u8), read.Output + read.Error, StringComparison.Ordinal);
        await cluster.StopApiServerAsync();

        Assert.Equal(stored, await cluster.StoredAsync("ours", Cancellation));
        await cluster.ConfigureAsync(cluster.Plugin.EncryptionConfiguration, Cancellation);
        await cluster.StartApiServerAsync(Cancellation);
        await cluster.UntilReadyAsync(Cancellation);
        Assert.Equal("not for strangers", await cluster.Kubectl.ReadSecretAsync("ours", Cancellation));
    }
}

public sealed class WrongKeyTests() : WrongKeyCases(Way.Direct);

public sealed class RelayedWrongKeyTests() : WrongKeyCases(Way.Relay);
