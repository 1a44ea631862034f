using System.Diagnostics;
using System.Globalization;
using System.Text;
using Cloister.Contracts.Etcd;
using Google.Protobuf;
using Grpc.Core;
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

    /// <summary>From the beginning of a put to its event on a watch, both on this path: p50 in us.</summary>
    internal async Task MeasureWatchAsync(int events, bool keep)
    {
        Marshaller<byte[]> bytes = Marshallers.Create(sent => sent, received => received);
        Method<byte[], byte[]> method = new(MethodType.DuplexStreaming, "etcdserverpb.Watch", "Watch", bytes, bytes);
        using AsyncDuplexStreamingCall<byte[], byte[]> watch = channel.CreateCallInvoker().AsyncDuplexStreamingCall(method, null, default);

        // WatchRequest { create_request { key } }
        byte[] key = Encoding.ASCII.GetBytes($"/registry/secrets/bench/watched-{name}");
        await watch.RequestStream.WriteAsync([0x0A, (byte)(key.Length + 2), 0x0A, (byte)key.Length, .. key]);
        await watch.ResponseStream.MoveNext();
        List<double> latencies = [];
        for (int i = 0; i < events; i++)
        {
            long begun = Stopwatch.GetTimestamp();
            Task put = PutAsync(Encoding.ASCII.GetString(key));
            await watch.ResponseStream.MoveNext();
            latencies.Add(Stopwatch.GetElapsedTime(begun).TotalMicroseconds);
            await put;
        }

        if (keep)
        {
            Note("put to watch event, p50 us", latencies.Order().ElementAt(events / 2));
        }
    }

    /// <summary>Writes so many Secrets, beside each other.</summary>
    internal async Task FillAsync(int count) =>
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (i, _) => await PutAsync($"/registry/secrets/list/{i}"));

    /// <summary>Lists them in pages of 500, as an API server does: ms for all.</summary>
    internal async Task MeasureListAsync(int count, bool keep)
    {
        long start = Stopwatch.GetTimestamp();
        ByteString end = ByteString.CopyFromUtf8("/registry/secrets/list0");
        ByteString next = ByteString.CopyFromUtf8("/registry/secrets/list/");
        int seen = 0;
        for (bool more = true; more;)
        {
            RangeResponse page = await _kv.RangeAsync(new RangeRequest { Key = next, RangeEnd = end, Limit = 500 });
            seen += page.Kvs.Count;
            next = ByteString.CopyFrom([.. page.Kvs[^1].Key.Span, 0]);
            more = page.More;
        }

        if (seen != count)
        {
            throw new InvalidOperationException($"{name} listed {seen} of {count}");
        }

        if (keep)
        {
            Note($"list of {count}, ms", Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            if (processId != 0)
            {
                Note("resident MiB at the end", File.ReadLines($"/proc/{processId}/status").Where(line => line.StartsWith("VmRSS", StringComparison.Ordinal))
                    .Select(line => double.Parse(line.Split(':')[1].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture) / 1024).Single());
            }
        }
    }

    /// <summary>Waits until it answers.</summary>
    internal async Task UntilItAnswersAsync()
    {
        for (int i = 0; ; i++)
        {
            try
            {
                await _kv.RangeAsync(new RangeRequest { Key = ByteString.CopyFromUtf8("/registry/health") });
                return;
            }
            catch (RpcException) when (i < 100)
            {
                await Task.Delay(200);
            }
        }
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
            if (processId != 0)
            {
                Note($"{what} CPU us/call, {callers} callers", (CpuSeconds() - cpu) * 1e6 / all.Length);
            }
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
        return (double.Parse(fields[12], CultureInfo.InvariantCulture) + double.Parse(fields[13], CultureInfo.InvariantCulture)) / 100;
    }
}
