using Cloister.Conformance.Harness;
using Cloister.Conformance.Plugins;

namespace Cloister.Conformance.Cases;

/// <summary>The plugin is gone for a while, or was not there when the API server started.</summary>
public abstract class OutageCases(Way way)
{
    private static readonly TimeSpan HealLimit = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_killed_plugin_comes_back_on_the_same_socket()
    {
        await using Cluster cluster = await Cluster.StartAsync(way, Cancellation);
        (await cluster.Kubectl.CreateSecretAsync("before", "a", Cancellation)).EnsureSuccess();
        await cluster.Plugin.KillAsync();
        Assert.Equal("a", await cluster.Kubectl.ReadSecretAsync("before", Cancellation));
        (await cluster.Kubectl.CreateSecretAsync("meanwhile", "b", Cancellation)).EnsureSuccess();

        await cluster.Plugin.StartAsync(Cancellation);
        await cluster.UntilReadyAsync(Cancellation, HealLimit);
        await cluster.RestartApiServerAsync(Cancellation);
        Assert.Equal("a", await cluster.Kubectl.ReadSecretAsync("before", Cancellation));
        Assert.Equal("b", await cluster.Kubectl.ReadSecretAsync("meanwhile", Cancellation));
    }

    [Fact]
    public async Task An_api_server_that_started_without_the_plugin_heals_when_it_comes()
    {
        await using Cluster cluster = await Cluster.PrepareAsync(way, [], Cancellation);
        await cluster.Plugin.StartAsync(Cancellation);
        await cluster.ConfigureAsync(cluster.Plugin.EncryptionConfiguration, Cancellation);
        await cluster.Plugin.StopAsync();

        await cluster.StartApiServerAsync(Cancellation);
        await Eventually.HoldsAsync("the API server lives", HealLimit, () => cluster.Kubectl.IsOkAsync("/livez", Cancellation), Cancellation);
        // What the patch of deploy/kubernetes makes the kubelet ask.
        Assert.True(await cluster.Kubectl.IsOkAsync("/livez?exclude=kms-providers", Cancellation));
        Assert.False(await cluster.Kubectl.IsOkAsync("/readyz", Cancellation));
        Assert.False((await cluster.Kubectl.CreateSecretAsync("refused", "a", Cancellation)).Succeeded);
        (await cluster.Kubectl.RunAsync(Cancellation, "create", "configmap", "unaffected", "--from-literal=a=b")).EnsureSuccess();

        await cluster.Plugin.StartAsync(Cancellation);
        await cluster.UntilReadyAsync(Cancellation, HealLimit);
        (await cluster.Kubectl.CreateSecretAsync("accepted", "b", Cancellation)).EnsureSuccess();
        Assert.Equal("b", await cluster.Kubectl.ReadSecretAsync("accepted", Cancellation));
    }
}

public sealed class OutageTests() : OutageCases(Way.Direct);

public sealed class RelayedOutageTests() : OutageCases(Way.Relay);
