using System.Threading.Channels;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Custody;

/// <summary>
/// DEKs made in the enclave and wrapped by the remote KMS ahead of need, several in one call, so that a write need not wait.
/// secrets: the DEKs in the pool.
/// </summary>
internal sealed class DekPool : IAsyncDisposable
{
    private const int BatchSize = 32;

    private readonly IRemoteKms _kms;
    private readonly RemoteKekWatch _watch;
    private readonly EnvelopeContext _context;
    private readonly SecretArena _arena;
    private readonly RemoteOptions _options;
    private readonly EnclaveLog _log;
    private readonly Channel<WrappedDek> _ready = Channel.CreateUnbounded<WrappedDek>();
    private readonly SemaphoreSlim _wanted = new(1);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;
    private volatile string? _failure;

    internal DekPool(IRemoteKms kms, RemoteKekWatch watch, EnvelopeContext dekContext, SecretArena arena, RemoteOptions options, EnclaveLog log)
    {
        _kms = kms;
        _watch = watch;
        _context = dekContext;
        _arena = arena;
        _options = options;
        _log = log;
        _loop = Task.Run(FillAsync);
    }

    /// <summary>DEKs that are ready.</summary>
    internal int Count => _ready.Reader.Count;

    /// <summary>Why the last refill failed, or null.</summary>
    internal string? Failure => _failure;

    /// <summary>A DEK wrapped by the KEK that is active now, owned by the caller. Waits only when the pool is empty.</summary>
    /// <exception cref="FailureException">Unavailable: none came in time.</exception>
    internal async ValueTask<WrappedDek> TakeAsync(CancellationToken cancellation)
    {
        using CancellationTokenSource deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(_options.Timeout);
        try
        {
            while (true)
            {
                if (!_ready.Reader.TryRead(out WrappedDek? dek))
                {
                    Want();
                    dek = await _ready.Reader.ReadAsync(deadline.Token);
                }

                if (_ready.Reader.Count <= _options.PoolSize / 2)
                {
                    Want();
                }

                RemoteKekWatch.View view = _watch.Current;
                if (dek.Kek == view.Kek?.Active)
                {
                    return dek;
                }

                dek.Dispose();
                if (view.Kek is null)
                {
                    throw view.Status.ToException();
                }
            }
        }
        catch (Exception e) when (e is ChannelClosedException or OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            throw new FailureException(FailureKind.Unavailable, $"no wrapped DEK is left and the remote KMS gives no new one: {_failure ?? "it is slow"}");
        }
    }

    /// <summary>Wipes the DEKs that are ready; new ones are made as soon as there is a KEK.</summary>
    internal void Clear()
    {
        while (_ready.Reader.TryRead(out WrappedDek? dek))
        {
            dek.Dispose();
        }

        if (!_stop.IsCancellationRequested)
        {
            Want();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _ready.Writer.TryComplete();
        Clear();
        _stop.Dispose();
        _wanted.Dispose();
    }

    private void Want()
    {
        if (_wanted.CurrentCount == 0)
        {
            _wanted.Release();
        }
    }

    private async Task FillAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                if (_ready.Reader.Count >= _options.PoolSize)
                {
                    await _wanted.WaitAsync(_stop.Token);
                    continue;
                }

                KeyFingerprint kek = _watch.Current.Active;
                await WrapAsync(kek, Math.Min(Math.Clamp(_kms.WrapsLeft, 1, BatchSize), _options.PoolSize - _ready.Reader.Count));
                _failure = null;
            }
            catch (Exception e)
            {
                // Whatever it was, filling goes on: if it ended, writes would fail for ever once the pool is empty.
                string reason = e is FailureException or OperationCanceledException ? e.Message : "a fault in the enclave; its log has type and place";
                if (_failure is null && e is FailureException && _watch.Current.Kek is not null)
                {
                    _log.PoolNotFilled(reason, _ready.Reader.Count);
                }
                else if (_failure is null && e is not (FailureException or OperationCanceledException))
                {
                    _log.Fault("filling the pool of wrapped DEKs", e);
                }

                _failure = _watch.Current.Kek is null ? null : reason;
                TimeSpan wait = _watch.Current.Kek is null ? TimeSpan.FromMilliseconds(50) : _options.RetryInterval;
                await Task.Delay(wait, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task WrapAsync(KeyFingerprint kek, int count)
    {
        SecretKey[] keys = new SecretKey[count];
        byte[] clear = GC.AllocateUninitializedArray<byte>(count * SecretKey.Size, pinned: true);
        ReadOnlyMemory<byte>[] plaintexts = new ReadOnlyMemory<byte>[count];
        int kept = 0;
        try
        {
            for (int i = 0; i < count; i++)
            {
                keys[i] = SecretKey.Generate(_arena);
                keys[i].Use(clear.AsSpan(i * SecretKey.Size, SecretKey.Size), static (key, copy) => key.TryCopyTo(copy));
                plaintexts[i] = clear.AsMemory(i * SecretKey.Size, SecretKey.Size);
            }

            IReadOnlyList<byte[]> wrapped = await RemoteCall.RunAsync(
                kek, _options.Timeout, token => _kms.EncryptAsync(kek, _context, plaintexts, token), _stop.Token);
            if (wrapped.Count != count || wrapped.Any(one => one.Length is 0 or > Edek.MaxWrappedDekSize))
            {
                throw new FailureException(FailureKind.NotReady, $"the remote KMS returned wrapped DEKs that do not fit into an EDEK (at most {Edek.MaxWrappedDekSize} bytes each)");
            }

            for (; kept < count; kept++)
            {
                _ready.Writer.TryWrite(new WrappedDek(kek, keys[kept], wrapped[kept]));
            }
        }
        finally
        {
            System.Security.Cryptography.CryptographicOperations.ZeroMemory(clear);
            for (int i = kept; i < count; i++)
            {
                keys[i]?.Dispose();
            }
        }
    }
}
