using Cloister.Conformance.Harness;

namespace Cloister.Conformance.Cases;

/// <summary>One cluster for the cases of <see cref="BasicCases"/>, started by the first of them.</summary>
public abstract class BasicFixture : IAsyncLifetime
{
    private readonly Lazy<Task<Cluster>> _cluster;

    protected BasicFixture() => _cluster = new Lazy<Task<Cluster>>(() => StartAsync(TestContext.Current.CancellationToken));

    /// <summary>What the stored value of a Secret begins with.</summary>
    internal abstract string StoredPrefix { get; }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_cluster.IsValueCreated && _cluster.Value.IsCompletedSuccessfully)
        {
            await (await _cluster.Value).DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    internal Task<Cluster> ClusterAsync() => _cluster.Value;

    internal abstract Task<Cluster> StartAsync(CancellationToken cancellation);
}
