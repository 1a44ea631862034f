using System.Security.Cryptography;

namespace Cloister.Cli.Demo;

/// <summary>Writers and readers of Secrets beside each other, which go on until the end; what is read has to be what was written.</summary>
internal sealed class SecretsLoad : IAsyncDisposable
{
    private const int Writers = 2;
    private const int Readers = 2;
    private const int ValueSize = 256;

    // Secrets are to be on their way at any moment, not to take the processor from the scan.
    private const int PauseMilliseconds = 10;

    private readonly List<(string Name, byte[] Value)> _written = [];
    private readonly CancellationTokenSource _end;
    private readonly SecretsApi _api;
    private readonly Task[] _callers;
    private long _writes;
    private long _reads;

    private SecretsLoad(SecretsApi api, CancellationToken cancellation)
    {
        _api = api;
        _end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _callers =
        [
            .. Enumerable.Range(0, Writers).Select(writer => Task.Run(() => WriteAsync(writer), CancellationToken.None)),
            .. Enumerable.Range(0, Readers).Select(_ => Task.Run(ReadAsync, CancellationToken.None)),
        ];
    }

    /// <summary>Secrets written so far.</summary>
    internal long Writes => Interlocked.Read(ref _writes);

    /// <summary>Secrets read back so far.</summary>
    internal long Reads => Interlocked.Read(ref _reads);

    /// <summary>Starts it.</summary>
    /// <param name="api">The API server; must outlive the load.</param>
    /// <param name="cancellation">Ends it, as disposing does.</param>
    internal static SecretsLoad Start(SecretsApi api, CancellationToken cancellation) => new(api, cancellation);

    /// <summary>Ends with the first call that failed, if one did.</summary>
    /// <exception cref="CliException">The API server refused a call, or gave back something else than was written.</exception>
    internal async Task MustGoOnAsync()
    {
        if (Array.Find(_callers, caller => caller.IsCompleted) is { } ended)
        {
            await ended;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await Task.WhenAll(_callers).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _end.Dispose();
    }

    private async Task WriteAsync(int writer)
    {
        for (int i = 0; !_end.IsCancellationRequested; i++)
        {
            string name = $"load-{writer}-{i}";
            byte[] value = RandomNumberGenerator.GetBytes(ValueSize);
            await _api.CreateAsync(name, value, _end.Token);
            lock (_written)
            {
                _written.Add((name, value));
            }

            Interlocked.Increment(ref _writes);
            await Task.Delay(PauseMilliseconds, _end.Token);
        }
    }

    private async Task ReadAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            if (Any() is not { } one)
            {
                await Task.Delay(5, _end.Token);
                continue;
            }

            byte[] read = await _api.ReadAsync(one.Name, _end.Token);
            if (!read.AsSpan().SequenceEqual(one.Value))
            {
                throw new CliException($"Secret {one.Name} came back changed");
            }

            Interlocked.Increment(ref _reads);
            await Task.Delay(PauseMilliseconds, _end.Token);
        }
    }

    private (string Name, byte[] Value)? Any()
    {
        lock (_written)
        {
            return _written.Count == 0 ? null : _written[Random.Shared.Next(_written.Count)];
        }
    }
}
