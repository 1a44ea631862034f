using Cloister.Contracts.Etcd;
using Cloister.Enclave.Tests.Gateway;
using Grpc.Core;

namespace Cloister.Gateway.Tests.Support;

/// <summary>A watch of every Secret from the first revision, taken up again where it broke off.</summary>
internal sealed class WatchRecord
{
    private readonly List<(long Revision, string Key, string Value, long Version)> _events = [];
    private long _seen;

    /// <summary>The newest revision that was seen.</summary>
    internal long Seen => Volatile.Read(ref _seen);

    /// <summary>Why it last broke off.</summary>
    internal string Last { get; private set; } = "";

    /// <summary>In the order in which they came. The version of a key that was deleted is 0.</summary>
    internal IReadOnlyList<(long Revision, string Key, string Value, long Version)> Events => _events;

    internal async Task RunAsync(RawEtcd etcd, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                using AsyncDuplexStreamingCall<byte[], byte[]> watch = etcd.Watch(stop);
                await watch.RequestStream.WriteAsync(
                    Etcd.Nested(1, Etcd.Message(w =>
                    {
                        w.String(1, "/registry/secrets/");
                        w.String(2, "/registry/secrets0");
                        w.Integer(3, (ulong)Seen + 1);
                        w.Boolean(6, true);
                    })),
                    stop);
                while (await watch.ResponseStream.MoveNext(stop))
                {
                    foreach (KeyValue kv in WatchAnswer.Parse(watch.ResponseStream.Current).Values)
                    {
                        _events.Add((kv.ModRevision, kv.Key.ToStringUtf8(), kv.Value.ToString(System.Text.Encoding.Latin1), kv.Version));
                        Volatile.Write(ref _seen, kv.ModRevision);
                    }
                }
            }
            catch (Exception e) when (e is RpcException or OperationCanceledException or InvalidOperationException or IOException)
            {
                // The gateway or etcd went away; how that looks depends on what was under way.
                Last = $"{e.GetType().Name}: {e.Message}";
                await Task.Delay(100, CancellationToken.None);
            }
        }
    }
}
