using System.Collections.Concurrent;
using System.Text;
using Cloister.Contracts.Etcd;
using Google.Protobuf;

namespace Cloister.Gateway.Tests.Support;

/// <summary>Writes values, each in one transaction that is asked for once and has no condition: a version above 1 is a repetition by somebody else.</summary>
/// <param name="etcd">Where to write.</param>
/// <param name="prefix">Beginning of the keys.</param>
/// <param name="pause">Between two writes.</param>
internal sealed class OnceWriter(RawEtcd etcd, string prefix, TimeSpan pause = default)
{
    private readonly ConcurrentDictionary<string, string> _acknowledged = [];
    private int _next;

    /// <summary>Keys and values that were answered.</summary>
    internal IReadOnlyDictionary<string, string> Acknowledged => _acknowledged;

    /// <summary>Calls that failed: they may have been applied or not.</summary>
    internal int Failed { get; private set; }

    internal async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            string key = $"{prefix}-{Interlocked.Increment(ref _next)}";
            string value = $"TOPSECRET of {key}";
            RequestOp put = new() { RequestPut = new PutRequest { Key = ByteString.CopyFromUtf8(key), Value = ByteString.CopyFrom(Encoding.ASCII.GetBytes(value)) } };
            try
            {
                await etcd.Kv.TxnAsync(new TxnRequest { Success = { put } }, deadline: DateTime.UtcNow.AddSeconds(30), cancellationToken: CancellationToken.None);
                _acknowledged[key] = value;
                await Task.Delay(pause, CancellationToken.None);
            }
            catch (Grpc.Core.RpcException)
            {
                Failed++;
                await Task.Delay(20, CancellationToken.None);
            }
        }
    }
}
