namespace Cloister.Attacks.Grounds;

/// <summary>What attacks use together, so that not each waits for processes of its own. Started at first use.</summary>
internal sealed class SharedGrounds(CancellationToken stop) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private Task<Cluster>? _cluster;
    private Task<ApiCluster>? _apiCluster;

    /// <summary>A broker, an enclave with the gateway in mode sealed, and etcd.</summary>
    public Task<Cluster> ClusterAsync()
    {
        lock (_lock)
        {
            return _cluster ??= Cluster.StartAsync(new ClusterOptions(), stop);
        }
    }

    /// <summary>Another one, with two API servers: one behind the gateway, one with a stock KMS v2 provider on the same enclave.</summary>
    public Task<ApiCluster> ApiClusterAsync()
    {
        lock (_lock)
        {
            return _apiCluster ??= ApiCluster.StartAsync(stop);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_apiCluster is { IsCompletedSuccessfully: true })
        {
            await (await _apiCluster).Cluster.DisposeAsync();
        }

        if (_cluster is { IsCompletedSuccessfully: true })
        {
            await (await _cluster).DisposeAsync();
        }
    }
}
