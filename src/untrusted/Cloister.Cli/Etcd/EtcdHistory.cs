using Cloister.Contracts.Etcd;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Etcd;

/// <summary>Reads what etcd still has of the past: a watch from an old revision on, in which every change brings the value that it replaced.</summary>
internal static class EtcdHistory
{
    // A watch_id that stands for all watches of a stream.
    private const long AllWatches = -1;

    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan BetweenQuestions = TimeSpan.FromMilliseconds(200);

    /// <param name="channel">etcd.</param>
    /// <param name="prefix">Keys that begin with it; empty for all.</param>
    /// <param name="from">The first revision.</param>
    /// <param name="until">The last one.</param>
    /// <param name="visit">Takes each value that was replaced or deleted.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns><paramref name="from"/> when it was read; the oldest revision that is left when that one is compacted.</returns>
    /// <exception cref="RpcException">etcd does not answer or refuses.</exception>
    internal static async Task<long> ReadAsync(
        GrpcChannel channel, ByteString prefix, long from, long until, Action<KeyValue> visit, CancellationToken cancellation)
    {
        using CancellationTokenSource silence = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        silence.CancelAfter(Silence);
        using AsyncDuplexStreamingCall<WatchRequest, WatchResponse> watch = new Watch.WatchClient(channel).Watch(cancellationToken: silence.Token);
        await watch.RequestStream.WriteAsync(
            new WatchRequest
            {
                CreateRequest = new WatchCreateRequest
                {
                    Key = EtcdRange.StartOf(prefix), RangeEnd = EtcdRange.EndOf(prefix), StartRevision = from, PrevKv = true, Fragment = true,
                },
            },
            silence.Token);
        using CancellationTokenSource asking = CancellationTokenSource.CreateLinkedTokenSource(silence.Token);
        Task asked = AskAsync(watch.RequestStream, asking.Token);
        try
        {
            while (await watch.ResponseStream.MoveNext(silence.Token))
            {
                silence.CancelAfter(Silence);
                WatchResponse response = watch.ResponseStream.Current;
                if (response.Canceled)
                {
                    return response.CompactRevision > from
                        ? response.CompactRevision
                        : throw new RpcException(new Status(StatusCode.FailedPrecondition, $"it ended the watch of its history: {response.CancelReason}"));
                }

                long newest = 0;
                foreach (Event change in response.Events)
                {
                    newest = change.Kv.ModRevision;
                    if (change.PrevKv is { } replaced && newest <= until)
                    {
                        visit(replaced);
                    }
                }

                if ((newest >= until && !response.Fragment && newest > 0) || (response.WatchId == AllWatches && response.Header.Revision >= until))
                {
                    return from;
                }
            }

            throw new RpcException(new Status(StatusCode.Unavailable, "it ended the watch of its history"));
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Cancelled && !cancellation.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.DeadlineExceeded, $"no answer to the watch of its history in {Silence.TotalSeconds} s"));
        }
        finally
        {
            await asking.CancelAsync();
            await asked;
        }
    }

    // Without a change there is no event: etcd says how far it is when it is asked.
    private static async Task AskAsync(IClientStreamWriter<WatchRequest> requests, CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                await Task.Delay(BetweenQuestions, cancellation);
                await requests.WriteAsync(new WatchRequest { ProgressRequest = new WatchProgressRequest() }, cancellation);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or RpcException or InvalidOperationException)
        {
            // The reader ended, or says what is wrong.
        }
    }
}
