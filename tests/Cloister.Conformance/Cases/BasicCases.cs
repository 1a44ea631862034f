using System.Text;
using Cloister.Conformance.Harness;

namespace Cloister.Conformance.Cases;

/// <summary>What an API server does with Secrets all day, whatever the protocol and the way to the plugin.</summary>
public abstract class BasicCases(BasicFixture fixture)
{
    private static readonly TimeSpan WatchLimit = TimeSpan.FromSeconds(20);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_created_secret_reads_back()
    {
        Cluster cluster = await fixture.ClusterAsync();
        (await cluster.Kubectl.CreateSecretAsync("read", "correct horse", Cancellation)).EnsureSuccess();
        Assert.Equal("correct horse", await cluster.Kubectl.ReadSecretAsync("read", Cancellation));
    }

    [Fact]
    public async Task Etcd_holds_it_encrypted()
    {
        Cluster cluster = await fixture.ClusterAsync();
        (await cluster.Kubectl.CreateSecretAsync("stored", "battery staple", Cancellation)).EnsureSuccess();
        string stored = Encoding.Latin1.GetString(await cluster.StoredAsync("stored", Cancellation));
        Assert.StartsWith(fixture.StoredPrefix, stored, StringComparison.Ordinal);
        Assert.DoesNotContain("battery staple", stored, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_updated_secret_reads_back()
    {
        Cluster cluster = await fixture.ClusterAsync();
        (await cluster.Kubectl.CreateSecretAsync("updated", "before", Cancellation)).EnsureSuccess();
        (await cluster.Kubectl.RunAsync(Cancellation, "patch", "secret", "updated", "-p", """{"stringData":{"password":"after"}}""")).EnsureSuccess();
        Assert.Equal("after", await cluster.Kubectl.ReadSecretAsync("updated", Cancellation));
    }

    [Fact]
    public async Task A_list_has_every_secret()
    {
        Cluster cluster = await fixture.ClusterAsync();
        (await cluster.Kubectl.RunAsync(Cancellation, "create", "namespace", "listed")).EnsureSuccess();
        string[] names = [.. Enumerable.Range(0, 5).Select(number => $"list-{number}")];
        foreach (string name in names)
        {
            (await cluster.Kubectl.RunAsync(Cancellation, "create", "secret", "generic", name, "-n", "listed", "--from-literal=a=b")).EnsureSuccess();
        }

        CommandResult list = await cluster.Kubectl.RunAsync(Cancellation, "get", "secrets", "-n", "listed", "-o", "name");
        Assert.Equal(names.Select(name => $"secret/{name}"), list.EnsureSuccess().Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task A_watch_sees_secrets_come()
    {
        Cluster cluster = await fixture.ClusterAsync();
        (await cluster.Kubectl.CreateSecretAsync("watched-before", "a", Cancellation)).EnsureSuccess();
        await using ChildProcess watch = cluster.Kubectl.Watch();
        await watch.WaitForLineAsync(line => line is "secret/watched-before", WatchLimit, Cancellation);
        (await cluster.Kubectl.CreateSecretAsync("watched-after", "b", Cancellation)).EnsureSuccess();
        await watch.WaitForLineAsync(line => line is "secret/watched-after", WatchLimit, Cancellation);
    }

    [Fact]
    public async Task A_deleted_secret_is_gone()
    {
        Cluster cluster = await fixture.ClusterAsync();
        (await cluster.Kubectl.CreateSecretAsync("deleted", "a", Cancellation)).EnsureSuccess();
        (await cluster.Kubectl.RunAsync(Cancellation, "delete", "secret", "deleted")).EnsureSuccess();
        Assert.Null(await cluster.Etcd.GetAsync(Cluster.StorageKey("deleted"), Cancellation));
    }

    [Fact]
    public async Task A_large_secret_reads_back()
    {
        Cluster cluster = await fixture.ClusterAsync();
        string large = new('x', 100_000);
        (await cluster.Kubectl.CreateSecretAsync("large", large, Cancellation)).EnsureSuccess();
        Assert.Equal(large, await cluster.Kubectl.ReadSecretAsync("large", Cancellation));
    }
}
