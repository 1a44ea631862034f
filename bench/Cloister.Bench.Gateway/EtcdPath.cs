using System.Diagnostics;
using Cloister.Contracts.Etcd;
using Google.Protobuf;
using Grpc.Net.Client;

namespace Cloister.Bench.Gateway;

/// <summary>One way to etcd, and what was measured on it.</summary>
internal sealed class EtcdPath(string name, GrpcChannel channel, int processId) : IDisposable
{
    private const int ValueSize = 1024;

    private readonly KV.KVClient _kv = new(channel);
    private readonly Dictionary<string, List<double>> _results = [];

    internal string Name => name;

    internal IReadOnlyDictionary<string, List<double>> Results => _results;

    /// <summary>Puts, then gets, by so many callers; notes p50 in us, calls a second, and CPU of the process in the middle for each call.</summary>
    internal async Task MeasureAsync(int callers, double seconds, bool keep)
    {
        await MeasureAsync("put", callers, seconds, keep, PutAsync);
        await MeasureAsync("get", callers, seconds, keep, GetAsync);
    }

    public void Dispose() => channel.Dispose();

    private async Task MeasureAsync(string what, int callers, double seconds, bool keep, Func<string, Task> call)
    {
        List<double>[] latencies = [.. Enumerable.Range(0, callers).Select(_ => new List<double>())];
        double cpu = CpuSeconds();
        long start = Stopwatch.GetTimestamp();
        await Task.WhenAll(latencies.Select((mine, caller) => Task.Run(async () =>
        {
            for (int i = 0; Stopwatch.GetElapsedTime(start).TotalSeconds < seconds; i++)
            {
                long begun = Stopwatch.GetTimestamp();
                await call($"/registry/secrets/bench/{caller}-{i % 100}");
                mine.Add(Stopwatch.GetElapsedTime(begun).TotalMicroseconds);
            }
        })));
        double elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
        double[] all = [.. latencies.SelectMany(mine => mine).Order()];
        if (keep)
        {
            Note($"{what} p50 us, {callers} callers", all[all.Length / 2]);
            Note($"{what} calls/s, {callers} callers", all.Length / elapsed);
            Note($"{what} CPU us/call, {callers} callers", processId == 0 ? 0 : (CpuSeconds() - cpu) * 1e6 / all.Length);
        }
    }

    private void Note(string what, double value)
    {
        _results.TryAdd(what, []);
        _results[what].Add(value);
    }

    private async Task PutAsync(string key)
    {
        byte[] value = new byte[ValueSize];
        Random.Shared.NextBytes(value);
        RequestOp put = new() { RequestPut = new PutRequest { Key = ByteString.CopyFromUtf8(key), Value = ByteString.CopyFrom(value) } };
        await _kv.TxnAsync(new TxnRequest { Success = { put } });
    }

    private async Task GetAsync(string key) => await _kv.RangeAsync(new RangeRequest { Key = ByteString.CopyFromUtf8(key), Limit = 1 });

    // utime and stime of /proc/PID/stat, in hundredths.
    private double CpuSeconds()
    {
        if (processId == 0)
        {
            return 0;
        }

        string[] fields = File.ReadAllText($"/proc/{processId}/stat").Split(')')[^1].Split(' ');
        return (double.Parse(fields[12], System.Globalization.CultureInfo.InvariantCulture) + double.Parse(fields[13], System.Globalization.CultureInfo.InvariantCulture)) / 100;
    }
}
