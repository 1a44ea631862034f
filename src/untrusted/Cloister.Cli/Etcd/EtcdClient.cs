using Cloister.Contracts.Etcd;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Etcd;

/// <summary>Reads ranges of etcd, and replaces values that nobody else wrote meanwhile. secrets: the values that it hands out may be Secrets in clear.</summary>
internal sealed class EtcdClient : IDisposable
{
    /// <summary>Keys of a page.</summary>
    internal const int DefaultPageSize = 500;

    // One value and its frame fit many times; pages of large Secrets are made smaller until they do.
    private const int DefaultMaxAnswer = 32 * 1024 * 1024;

    private static readonly TimeSpan CallTime = TimeSpan.FromSeconds(30);

    private readonly List<GrpcChannel> _channels = [];
    private readonly EtcdOptions _options;
    private int _current;

    internal EtcdClient(EtcdOptions options, int maxAnswer = DefaultMaxAnswer)
    {
        _options = options;
        foreach (Uri endpoint in options.Endpoints)
        {
            SocketsHttpHandler handler = new() { UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(5) };
            if (endpoint.Scheme == Uri.UriSchemeHttps)
            {
                handler.SslOptions = EtcdTls.Create(options);
            }

            _channels.Add(GrpcChannel.ForAddress(endpoint, new GrpcChannelOptions
            {
                HttpHandler = handler,
                DisposeHttpClient = true,
                MaxReceiveMessageSize = maxAnswer,
            }));
        }
    }

    /// <summary>The server's version, such as <c>3.5.16</c>.</summary>
    /// <exception cref="CliException">etcd does not answer or refuses.</exception>
    internal async Task<string> VersionAsync(CancellationToken cancellation)
    {
        try
        {
            StatusResponse status = await CallAsync((channel, call) => new Maintenance.MaintenanceClient(channel).StatusAsync(new StatusRequest(), call), cancellation);
            return status.Version;
        }
        catch (RpcException e)
        {
            throw Explained(e);
        }
    }

    /// <summary>etcd's revision now, that of the last write which was acknowledged, and which cluster and member answered.</summary>
    /// <exception cref="CliException">etcd does not answer or refuses.</exception>
    internal async Task<ResponseHeader> HeaderAsync(CancellationToken cancellation)
    {
        try
        {
            // Linearizable, which Status is not.
            RangeRequest nothing = new() { Key = ByteString.CopyFromUtf8("/"), Limit = 1 };
            RangeResponse response = await CallAsync((channel, call) => new KV.KVClient(channel).RangeAsync(nothing, call), cancellation);
            return response.Header;
        }
        catch (RpcException e)
        {
            throw Explained(e);
        }
    }

    /// <summary>How many keys there are under a prefix.</summary>
    /// <exception cref="CliException">etcd does not answer or refuses.</exception>
    internal async Task<long> CountAsync(ByteString prefix, CancellationToken cancellation)
    {
        try
        {
            RangeRequest count = new() { Key = EtcdRange.StartOf(prefix), RangeEnd = EtcdRange.EndOf(prefix), CountOnly = true };
            return (await CallAsync((channel, call) => new KV.KVClient(channel).RangeAsync(count, call), cancellation)).Count;
        }
        catch (RpcException e)
        {
            throw Explained(e);
        }
    }

    /// <summary>
    /// Hands every value under a prefix that was overwritten or deleted, and that etcd still has because it was not compacted, to
    /// <paramref name="visit"/>.
    /// </summary>
    /// <param name="prefix">Keys that begin with it; empty for all.</param>
    /// <param name="until">Changes up to that revision.</param>
    /// <param name="visit">Takes a value. When etcd compacts meanwhile, what is left may come again.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>The oldest revision that was there.</returns>
    /// <exception cref="CliException">etcd does not answer or refuses.</exception>
    internal async Task<long> HistoryAsync(ByteString prefix, long until, Action<KeyValue> visit, CancellationToken cancellation)
    {
        long from = 1;
        while (true)
        {
            try
            {
                long oldest = await EtcdHistory.ReadAsync(_channels[_current], prefix, from, until, visit, cancellation);
                if (oldest == from)
                {
                    return from;
                }

                from = oldest;
            }
            catch (RpcException e) when (!cancellation.IsCancellationRequested)
            {
                throw Explained(e);
            }
        }
    }

    /// <summary>
    /// Hands every key under a prefix to <paramref name="visit"/>, in order, as all of them were in one revision; one page is in
    /// memory at a time.
    /// </summary>
    /// <returns>That revision.</returns>
    /// <exception cref="CliException">etcd does not answer or refuses, or the pages do not add up.</exception>
    internal Task<long> ScanAsync(ByteString prefix, int pageSize, Action<KeyValue> visit, CancellationToken cancellation) =>
        PagesAsync(
            prefix,
            pageSize,
            followCompaction: false,
            (page, _) =>
            {
                foreach (KeyValue found in page)
                {
                    visit(found);
                }

                return Task.CompletedTask;
            },
            cancellation);

    /// <summary>The same by pages, which may be worked on for as long as it takes.</summary>
    /// <param name="prefix">Keys that begin with it.</param>
    /// <param name="pageSize">Keys of a page, at most.</param>
    /// <param name="followCompaction">
    /// When the revision is compacted meanwhile: go on after the last key at the newest revision, instead of failing. Then no key is left
    /// out that was there all the time, but not all are of one revision.
    /// </param>
    /// <param name="visit">Takes a page, and how many keys there are in all as far as etcd said by then.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>The last revision that was read.</returns>
    /// <exception cref="CliException">etcd does not answer or refuses, or the pages do not add up.</exception>
    internal async Task<long> PagesAsync(
        ByteString prefix, int pageSize, bool followCompaction, Func<IReadOnlyList<KeyValue>, long, Task> visit, CancellationToken cancellation)
    {
        RangeRequest request = new() { Key = EtcdRange.StartOf(prefix), RangeEnd = EtcdRange.EndOf(prefix), Limit = pageSize };
        long seen = 0;
        long before = 0;
        long? expected = null;
        while (true)
        {
            RangeResponse page;
            try
            {
                page = await CallAsync((channel, call) => new KV.KVClient(channel).RangeAsync(request, call), cancellation);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.ResourceExhausted && request.Limit > 1)
            {
                request.Limit /= 2;
                continue;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.OutOfRange && followCompaction && request.Revision != 0)
            {
                (request.Revision, before, seen, expected) = (0, before + seen, 0, null);
                continue;
            }
            catch (RpcException e)
            {
                throw Explained(e);
            }

            // Count is of the whole range at first: it is held against what the pages brought.
            expected ??= page.Count;
            if (request.Revision == 0)
            {
                request.Revision = page.Header?.Revision ?? 0;
            }

            await visit(page.Kvs, before + seen + page.Count);
            seen += page.Kvs.Count;
            if (!page.More)
            {
                return seen == expected
                    ? request.Revision
                    : throw new CliException($"etcd said that there are {expected} keys and handed out {seen}: the answer would not be complete");
            }

            if (page.Kvs.Count == 0 || request.Revision == 0)
            {
                throw new CliException("etcd says that there are more keys and hands out none: the answer would not be complete");
            }

            request.Key = EtcdRange.After(page.Kvs[^1].Key);
            request.Limit = Math.Min(pageSize, request.Limit * 2);
        }
    }

    /// <summary>
    /// Puts another value in the place of one that was read, with the same lease, unless somebody wrote the key since. May be repeated: if
    /// an earlier try was applied, the key is no longer as it was read.
    /// </summary>
    /// <returns>Whether it was done and, if not, the key as it is now: null when it is gone.</returns>
    /// <exception cref="CliException">etcd does not answer or refuses.</exception>
    internal async Task<(bool Done, KeyValue? Now)> ReplaceAsync(KeyValue read, ByteString value, CancellationToken cancellation)
    {
        TxnRequest request = new()
        {
            Compare = { new Compare { Key = read.Key, Target = Compare.Types.CompareTarget.Mod, Result = Compare.Types.CompareResult.Equal, ModRevision = read.ModRevision } },
            Success = { new RequestOp { RequestPut = new PutRequest { Key = read.Key, Value = value, Lease = read.Lease } } },
            Failure = { new RequestOp { RequestRange = new RangeRequest { Key = read.Key } } },
        };
        try
        {
            TxnResponse response = await CallAsync((channel, call) => new KV.KVClient(channel).TxnAsync(request, call), cancellation);
            return (response.Succeeded, response.Succeeded ? null : response.Responses[0].ResponseRange.Kvs.FirstOrDefault());
        }
        catch (RpcException e)
        {
            throw Explained(e);
        }
    }

    public void Dispose() => _channels.ForEach(channel => channel.Dispose());

    // Reading is the same on every member and may be repeated; a pinned revision holds on all of them. Replacing may be repeated too.
    private async Task<T> CallAsync<T>(Func<GrpcChannel, CallOptions, AsyncUnaryCall<T>> call, CancellationToken cancellation)
    {
        for (int failed = 0; ; failed++)
        {
            try
            {
                using AsyncUnaryCall<T> running = call(_channels[_current], new CallOptions(deadline: DateTime.UtcNow + CallTime, cancellationToken: cancellation));
                return await running;
            }
            catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded && failed < _channels.Count - 1)
            {
                _current = (_current + 1) % _channels.Count;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Cancelled && cancellation.IsCancellationRequested)
            {
                throw new OperationCanceledException(e.Message, e, cancellation);
            }
        }
    }

    private CliException Explained(RpcException e)
    {
        string where = string.Join(", ", _options.Endpoints.Select(uri => uri.GetLeftPart(UriPartial.Authority)));
        return e.StatusCode switch
        {
            StatusCode.PermissionDenied => new CliException($"etcd at {where}: {e.Status.Detail}: this client may not read all keys; --scan-prefix says which, such as /registry/secrets/, where a command has it"),
            StatusCode.OutOfRange => new CliException("etcd compacted the revision that was being read: run it again"),
            StatusCode.Unavailable or StatusCode.Internal when e.Status.DebugException is { } cause =>
                new CliException($"etcd at {where} does not answer ({cause.GetBaseException().Message}): check --endpoints, --cacert, --cert and --key"),
            _ => new CliException($"etcd at {where}: {e.StatusCode}: {e.Status.Detail}"),
        };
    }
}
