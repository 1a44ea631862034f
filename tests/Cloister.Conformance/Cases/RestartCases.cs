using Cloister.Conformance.Harness;
using Cloister.Conformance.Plugins;

namespace Cloister.Conformance.Cases;

/// <summary>Nothing is lost when one side or both start again.</summary>
public abstract class RestartCases(Way way)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_secret_survives_a_restart_of_the_api_server()
    {
        await using Cluster cluster = await Cluster.StartAsync(way, Cancellation);
        (await cluster.Kubectl.CreateSecretAsync("kept", "still here", Cancellation)).EnsureSuccess();
        await cluster.RestartApiServerAsync(Cancellation);
        Assert.Equal("still here", await cluster.Kubectl.ReadSecretAsync("kept", Cancellation));
        (await cluster.Kubectl.CreateSecretAsync("new", "a", Cancellation)).EnsureSuccess();
    }

    [Fact]
    public async Task An_api_server_does_not_notice_a_restart_of_the_plugin()
    {
        await using Cluster cluster = await Cluster.StartAsync(way, Cancellation);
        (await cluster.Kubectl.CreateSecretAsync("kept", "still here", Cancellation)).EnsureSuccess();
        await cluster.Plugin.StopAsync();
        await cluster.Plugin.StartAsync(Cancellation);
        (await cluster.Kubectl.CreateSecretAsync("new", "written after", Cancellation)).EnsureSuccess();
        Assert.Equal("still here", await cluster.Kubectl.ReadSecretAsync("kept", Cancellation));
        Assert.Equal("written after", await cluster.Kubectl.ReadSecretAsync("new", Cancellation));
    }

    [Fact]
    public async Task A_secret_survives_a_restart_of_both()
    {
        await using Cluster cluster = await Cluster.StartAsync(way, Cancellation);
        (await cluster.Kubectl.CreateSecretAsync("kept", "still here", Cancellation)).EnsureSuccess();
        await cluster.StopApiServerAsync();
        await cluster.Plugin.StopAsync();
        await cluster.Plugin.StartAsync(Cancellation);
        await cluster.StartApiServerAsync(Cancellation);
        await cluster.UntilReadyAsync(Cancellation);
        Assert.Equal("still here", await cluster.Kubectl.ReadSecretAsync("kept", Cancellation));
    }
}
