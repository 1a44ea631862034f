using System.Security.Cryptography;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody.Leases;
using Cloister.Enclave.Keys.Crypto;
using Cloister.Enclave.Keys.Envelope;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Custody;

/// <summary>
/// Custody remote (demo 1): the KEK stays in the remote KMS; DEKs are made here, wrapped there ahead of need, and kept here for reads.
/// A read or write that finds its DEK makes no call. secrets: DEKs.
/// </summary>
public sealed class RemoteCustody : ICustody
{
    private readonly IRemoteKms _kms;
    private readonly EnvelopeContext _context;
    private readonly EnvelopeContext _dekContext;
    private readonly SecretArena _arena;
    private readonly RemoteOptions _options;
    private readonly RemoteKekWatch _watch;
    private readonly DekPool _pool;
    private readonly DekCache _cache;
    private readonly SemaphoreSlim _replacing = new(1);
    private WriteDek? _writeDek;

    /// <summary>Starts asking the KMS for its KEK and filling the pool.</summary>
    public RemoteCustody(EnvelopeContext context, IRemoteKms kms, SecretArena arena, RemoteOptions options, EnclaveLog log)
    {
        _context = context;
        _dekContext = context.For(EnvelopeContext.DekPurpose);
        _kms = kms;
        _arena = arena;
        _options = options;
        _cache = new DekCache(options.CacheEntries);
        _watch = new RemoteKekWatch(kms, context, options, log, Forget);
        _pool = new DekPool(kms, _watch, _dekContext, arena, options, log);
    }

    /// <inheritdoc/>
    public string Name => "remote";

    /// <inheritdoc/>
    public LeaseReport? Lease => _kms.Lease;

    /// <inheritdoc/>
    public LeaseSource? Certificates => _kms.Certificates;

    /// <inheritdoc/>
    public CustodyStatus Status
    {
        get
        {
            CustodyStatus status = _watch.Current.Status;
            return status.KeyId is null || _pool.Failure is not { } failure
                ? status
                : status with { Healthz = $"no new wrapped DEKs ({_pool.Count} left): {failure}" };
        }
    }

    /// <summary>Unwrapped DEKs kept for reads.</summary>
    public int CachedDeks => _cache.Count;

    /// <summary>Wrapped DEKs ready for writes.</summary>
    public int ReadyDeks => _pool.Count;

    /// <inheritdoc/>
    public async ValueTask<EncryptResult> EncryptAsync(ReadOnlyMemory<byte> plaintext, Memory<byte> edek, CancellationToken cancellation)
    {
        while (true)
        {
            KeyFingerprint kek = _watch.Current.Active;
            WriteDek? dek = Volatile.Read(ref _writeDek);
            if (dek is null || !dek.TryUse(kek))
            {
                await ReplaceAsync(dek, cancellation);
                continue;
            }

            try
            {
                int length = EdekCipher.Encrypt(dek.Cipher, _context, EdekSuite.RemoteDek, kek, dek.Wrapped, plaintext.Span, edek.Span);
                return new EncryptResult(KeyId.Format(kek), length);
            }
            catch (ObjectDisposedException)
            {
                // Replaced by another caller between TryUse and here.
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask<int> DecryptAsync(KeyFingerprint kek, ReadOnlyMemory<byte> edek, Memory<byte> plaintext, CancellationToken cancellation)
    {
        ReadOnlyMemory<byte> wrapped = WrappedPart(edek);
        RemoteCall.RequireKnown(_watch.Current, kek);
        while (true)
        {
            SecretKey dek = await _cache.GetAsync(kek, wrapped.Span, () => UnwrapAsync(kek, wrapped), cancellation);
            try
            {
                using Xaes256Gcm cipher = new(dek);
                return EdekCipher.Decrypt(cipher, _context, Edek.Parse(edek.Span), plaintext.Span);
            }
            catch (ObjectDisposedException)
            {
                // Evicted between finding it and using it.
                cancellation.ThrowIfCancellationRequested();
            }
        }
    }

    /// <summary>Wipes every DEK and gives the KMS up.</summary>
    public async ValueTask DisposeAsync()
    {
        await _watch.DisposeAsync();
        await _pool.DisposeAsync();
        Forget();
        _replacing.Dispose();
        await _kms.DisposeAsync();
    }

    private ReadOnlyMemory<byte> WrappedPart(ReadOnlyMemory<byte> edek)
    {
        Edek parsed = Edek.Parse(edek.Span);
        return parsed.Suite == EdekSuite.RemoteDek
            ? edek.Slice(Edek.HeaderSize + 2, parsed.WrappedDek.Length)
            : throw EdekFailure.WrongSuite(parsed.Suite, Name);
    }

    private async Task<SecretKey> UnwrapAsync(KeyFingerprint kek, ReadOnlyMemory<byte> wrapped)
    {
        byte[] clear = GC.AllocateArray<byte>(Edek.MaxSize, pinned: true);
        try
        {
            int length = await RemoteCall.RunAsync(
                kek, _options.Timeout, token => _kms.DecryptAsync(kek, _dekContext, wrapped, clear, token), CancellationToken.None);
            return length == SecretKey.Size ? SecretKey.TakeOver(_arena, clear.AsSpan(0, length)) : throw EdekFailure.NotAuthentic();
        }
        finally
        {
            CryptographicOperations.ZeroMemory(clear);
        }
    }

    // The next DEK from the pool becomes the one that writes use; its key moves to the cache, for reads.
    private async ValueTask ReplaceAsync(WriteDek? spent, CancellationToken cancellation)
    {
        await _replacing.WaitAsync(cancellation);
        try
        {
            if (Volatile.Read(ref _writeDek) != spent)
            {
                return;
            }

            WrappedDek next = await _pool.TakeAsync(cancellation);
            Volatile.Write(ref _writeDek, new WriteDek(next, _options));
            _cache.Put(next.Kek, next.Wrapped, next.Key);
            spent?.Dispose();
        }
        finally
        {
            _replacing.Release();
        }
    }

    private void Forget()
    {
        Interlocked.Exchange(ref _writeDek, null)?.Dispose();
        _pool?.Clear();
        _cache.Clear();
    }
}
