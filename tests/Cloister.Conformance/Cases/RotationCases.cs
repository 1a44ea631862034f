using Cloister.Conformance.Harness;
using Cloister.Conformance.Plugins;
using Cloister.Contracts.StoredValues;

namespace Cloister.Conformance.Cases;

/// <summary>A new KEK: the API server takes it up, old objects stay readable, and rewriting moves them to it.</summary>
public abstract class RotationCases(Way way)
{
    // The API server polls Status once a minute, and each time /readyz is asked after 20 seconds.
    private static readonly TimeSpan TakeUpLimit = TimeSpan.FromSeconds(100);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Writes_take_up_a_new_key_id_and_old_objects_stay_readable()
    {
        await using Cluster cluster = await Cluster.StartAsync(way, Cancellation);
        (await cluster.Kubectl.CreateSecretAsync("old", "from before", Cancellation)).EnsureSuccess();
        string before = await KeyIdAsync(cluster, "old");

        await cluster.Plugin.RotateAsync(Cancellation);
        int written = 0;
        TimeSpan took = await Eventually.HoldsAsync(
            "a write uses the new key_id", TakeUpLimit, async () => await WriteAsync(cluster, ++written) != before, Cancellation, pause: TimeSpan.FromSeconds(2));
        TestContext.Current.TestOutputHelper?.WriteLine($"new key_id in use after {took.TotalSeconds:F1} s");
        string after = await KeyIdAsync(cluster, $"new-{written}");

        Assert.Equal("from before", await cluster.Kubectl.ReadSecretAsync("old", Cancellation));
        Assert.Equal(before, await KeyIdAsync(cluster, "old"));
        await cluster.Kubectl.RewriteSecretAsync("old", Cancellation);
        Assert.Equal(after, await KeyIdAsync(cluster, "old"));

        // Nothing is cached now: key_ids and EDEKs of both KEKs go to the plugin.
        await cluster.Plugin.StopAsync();
        await cluster.Plugin.StartAsync(Cancellation);
        await cluster.RestartApiServerAsync(Cancellation);
        Assert.Equal("from before", await cluster.Kubectl.ReadSecretAsync("old", Cancellation));
        Assert.Equal("written", await cluster.Kubectl.ReadSecretAsync("new-1", Cancellation));
        Assert.Equal(before, await KeyIdAsync(cluster, "new-1"));
    }

    private static async Task<string> WriteAsync(Cluster cluster, int number)
    {
        await cluster.Kubectl.IsOkAsync("/readyz", Cancellation);
        (await cluster.Kubectl.CreateSecretAsync($"new-{number}", "written", Cancellation)).EnsureSuccess();
        return await KeyIdAsync(cluster, $"new-{number}");
    }

    private static async Task<string> KeyIdAsync(Cluster cluster, string secret)
    {
        byte[] stored = await cluster.StoredAsync(secret, Cancellation);
        return EncryptedObject.Parse(StoredValue.Parse(stored).Body).KeyIdText;
    }
}
