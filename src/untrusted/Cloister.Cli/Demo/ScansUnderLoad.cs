using Cloister.Cli.Etcd;
using Cloister.Contracts.Envelope;

namespace Cloister.Cli.Demo;

/// <summary>
/// Scans of processes while an API server has Secrets to write and to read: keys that are there for the time of a call only are there then.
/// What to look for is worked out from what etcd holds at that moment, again for every scan. secrets: all of these keys.
/// </summary>
internal sealed class ScansUnderLoad
{
    /// <summary>The name of the enclave among the processes.</summary>
    internal const string Enclave = "enclave";

    private const int Scans = 2;
    private const int Attempts = 8;

    private readonly EtcdClient _etcd;
    private readonly byte[] _kek;
    private readonly EnvelopeContext _context;
    private readonly IReadOnlyList<(string Name, int Id)> _processes;
    private readonly Dictionary<string, StoredSecret> _stored = [];

    /// <summary>Scans of these processes.</summary>
    /// <param name="etcd">Where the stored values are.</param>
    /// <param name="kek">What opens all of them.</param>
    /// <param name="context">Cluster and provider.</param>
    /// <param name="processes">What to scan, with names.</param>
    internal ScansUnderLoad(EtcdClient etcd, byte[] kek, EnvelopeContext context, IReadOnlyList<(string Name, int Id)> processes)
    {
        _etcd = etcd;
        _kek = kek;
        _context = context;
        _processes = processes;
    }

    /// <summary>Every stored value that a scan looked for the keys of.</summary>
    internal IReadOnlyCollection<StoredSecret> Stored => _stored.Values;

    /// <summary>Starts a load and scans until two scans count: those during which Secrets were both written and read in each process's turn.</summary>
    /// <exception cref="CliException">A call of the load failed, or the load stood still in too many scans.</exception>
    internal async Task<IReadOnlyList<LoadedScan>> RunAsync(SecretsApi api, CancellationToken cancellation)
    {
        List<LoadedScan> counted = [];
        await using SecretsLoad load = SecretsLoad.Start(api, cancellation);
        for (int attempt = 0; counted.Count < Scans; attempt++)
        {
            if (attempt == Attempts)
            {
                throw new CliException($"Secrets were not written and read during {Scans} of {Attempts} scans of memory: they would not show what stands there meanwhile");
            }

            if (await ScanAsync(load, cancellation) is { } scan)
            {
                counted.Add(scan);
            }
        }

        return counted;
    }

    private async Task<LoadedScan?> ScanAsync(SecretsLoad load, CancellationToken cancellation)
    {
        await UntilMovedAsync(load, cancellation);
        await TakeStoredAsync(cancellation);
        HashSet<string> seeds = [.. _stored.Values.Select(one => Convert.ToHexString(one.Seed))];
        MemoryScan scan = new(((byte[][])[_kek, .. _stored.Values.SelectMany(one => (byte[][])[one.Seed, one.Dek, one.WrappingKey])]).DistinctBy(Convert.ToHexString));
        (long writes, long reads) = (load.Writes, load.Reads);
        bool moved = true;
        List<string> withKek = [];
        List<string> withSeed = [];
        List<string> withDek = [];
        foreach ((string name, int id) in _processes)
        {
            (long writesBefore, long readsBefore) = (load.Writes, load.Reads);
            scan.Count(id);
            moved &= load.Writes > writesBefore && load.Reads > readsBefore;
            HashSet<string> found = [.. scan.Found.Select(Convert.ToHexString)];
            Note(withKek, name, found.Contains(Convert.ToHexString(_kek)));
            Note(withSeed, name, found.Overlaps(seeds));
            found.Remove(Convert.ToHexString(_kek));
            Note(withDek, name, found.Count > 0);
        }

        await load.MustGoOnAsync();
        return moved
            ? new LoadedScan
            {
                Values = _stored.Count,
                Writes = load.Writes - writes,
                Reads = load.Reads - reads,
                KekFoundIn = withKek,
                SeedFoundIn = withSeed,
                DekFoundIn = withDek,
            }
            : null;
    }

    // What was written since the last scan; nothing of the load is changed or deleted.
    private async Task TakeStoredAsync(CancellationToken cancellation)
    {
        foreach ((string key, byte[] value) in await StoredSecret.ListAsync(_etcd, cancellation))
        {
            if (!_stored.ContainsKey(key))
            {
                _stored.Add(key, StoredSecret.Open(_kek, _context, key, value));
            }
        }
    }

    // Under way, so that a scan does not begin before its load.
    private static async Task UntilMovedAsync(SecretsLoad load, CancellationToken cancellation)
    {
        (long writes, long reads) = (load.Writes, load.Reads);
        while (load.Writes == writes || load.Reads == reads)
        {
            await load.MustGoOnAsync();
            await Task.Delay(5, cancellation);
        }
    }

    private static void Note(List<string> names, string name, bool found)
    {
        if (found)
        {
            names.Add(name);
        }
    }
}
