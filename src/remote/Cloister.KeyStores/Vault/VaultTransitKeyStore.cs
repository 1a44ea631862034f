using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;

namespace Cloister.KeyStores.Vault;

/// <summary>
/// KEKs that are keys (aes256-gcm96) of the transit engine of Vault or OpenBao, named by their fingerprint, never released. The token's
/// policy should not allow <c>create</c> on <c>encrypt/*</c>: Vault makes a key that is missing when it may.
/// secrets: items pass through; KEKs never leave Vault.
/// </summary>
public sealed class VaultTransitKeyStore : IKeyStore
{
    private readonly ConcurrentDictionary<KekIdentity, bool> _known = new();
    private readonly VaultConnection _vault;
    private readonly string _mount;
    private int _isDisposed;

    /// <summary>Names the server. It is asked at the first use.</summary>
    /// <exception cref="ArgumentException">The address is not https.</exception>
    public VaultTransitKeyStore(VaultTransitOptions options)
    {
        _vault = new VaultConnection(options);
        _mount = options.Mount.Trim('/');
    }

    /// <inheritdoc/>
    public string Kind => "vault-transit";

    /// <inheritdoc/>
    public bool CanRelease => false;

    /// <inheritdoc/>
    public Task CheckAsync(CancellationToken cancellation) => CallAsync(HttpMethod.Get, "auth/token/lookup-self", null, (status, _) => Expect(status), cancellation);

    /// <inheritdoc/>
    public async Task CreateAsync(KekIdentity kek, CancellationToken cancellation)
    {
        if (await IsThereAsync(kek, cancellation))
        {
            throw StoreItems.Exists(kek);
        }

        byte[] body = """{"type":"aes256-gcm96","derived":false,"exportable":false,"allow_plaintext_backup":false}"""u8.ToArray();
        await CallAsync(HttpMethod.Post, $"{_mount}/keys/{kek.Fingerprint()}", body, (status, _) => Expect(status), cancellation);
    }

    /// <summary>Refused: a key that was outside Vault is not a key that never leaves it.</summary>
    /// <exception cref="KeyStoreException">Denied, always.</exception>
    public Task ImportAsync(KekIdentity kek, ReadOnlyMemory<byte> key, CancellationToken cancellation) => throw StoreItems.NoImport(Kind);

    /// <summary>Refused.</summary>
    /// <exception cref="KeyStoreException">Denied, always.</exception>
    public Task ReleaseAsync(KekIdentity kek, Memory<byte> key, CancellationToken cancellation) => throw StoreItems.NoRelease(Kind);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<byte[]>> WrapAsync(KekIdentity kek, EnvelopeContext context, IReadOnlyList<ReadOnlyMemory<byte>> items, CancellationToken cancellation)
    {
        StoreItems.CheckForWrap(items);
        return await BatchAsync(
            kek, "encrypt", VaultItems.Request("plaintext", KekAad.OfItem(kek, context), items), items.Count, result => VaultItems.ToBytes(result.GetProperty("ciphertext").GetString()!), cancellation);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<byte[]?>> UnwrapAsync(KekIdentity kek, EnvelopeContext context, IReadOnlyList<ReadOnlyMemory<byte>> items, CancellationToken cancellation)
    {
        int[] sent = [.. Enumerable.Range(0, items.Count).Where(i => VaultItems.HasForm(items[i].Span))];
        byte[] body = VaultItems.Request("ciphertext", KekAad.OfItem(kek, context), sent.Select(i => items[i]));
        byte[]?[] results = await BatchAsync<byte[]?>(
            kek, "decrypt", body, sent.Length, result => result.TryGetProperty("plaintext", out JsonElement plaintext) && !IsError(result) ? plaintext.GetBytesFromBase64() : null, cancellation);
        byte[]?[] unwrapped = new byte[]?[items.Count];
        for (int i = 0; i < sent.Length; i++)
        {
            unwrapped[sent[i]] = results[i];
        }

        return unwrapped;
    }

    /// <inheritdoc/>
    public async Task DestroyAsync(KekIdentity kek, CancellationToken cancellation)
    {
        _known.TryRemove(kek, out _);
        if (!await IsThereAsync(kek, cancellation))
        {
            return;
        }

        // A key can be deleted only when its configuration says so.
        string path = $"{_mount}/keys/{kek.Fingerprint()}";
        await CallAsync(HttpMethod.Post, $"{path}/config", """{"deletion_allowed":true}"""u8.ToArray(), (status, _) => Expect(status), cancellation);
        await CallAsync(HttpMethod.Delete, path, null, (status, _) => Expect(status), cancellation);
        _known.TryRemove(kek, out _);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            _vault.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private static bool Expect(HttpStatusCode status) =>
        (int)status < 300 ? true : throw new KeyStoreException(KeyStoreFailure.Denied, $"Vault answers with status {(int)status}: is the transit engine mounted?");

    // Answers have an empty "error" for items that went well.
    private static bool IsError(JsonElement result) => result.TryGetProperty("error", out JsonElement error) && error.ValueKind == JsonValueKind.String && error.GetString() != "";

    private async Task<T[]> BatchAsync<T>(KekIdentity kek, string operation, byte[] body, int count, Func<JsonElement, T> read, CancellationToken cancellation)
    {
        // Asked first, because encrypting with a missing key makes one.
        if (!_known.ContainsKey(kek))
        {
            _known[kek] = await IsThereAsync(kek, cancellation) ? true : throw StoreItems.Unknown(kek);
        }

        if (count == 0)
        {
            return [];
        }

        // 400 is also the status of a batch of which one item does not decrypt.
        T[]? results = await CallAsync(
            HttpMethod.Post,
            $"{_mount}/{operation}/{kek.Fingerprint()}",
            body,
            (_, answer) => VaultItems.Results(answer) is { } batch && batch.Length == count ? batch.Select(read).ToArray() : null,
            cancellation);
        if (results is null)
        {
            _known.TryRemove(kek, out _);
            throw await IsThereAsync(kek, cancellation) ? new KeyStoreException(KeyStoreFailure.Denied, $"Vault does not {operation} with KEK {kek.Fingerprint()}") : StoreItems.Unknown(kek);
        }

        return results;
    }

    private Task<bool> IsThereAsync(KekIdentity kek, CancellationToken cancellation) =>
        CallAsync(HttpMethod.Get, $"{_mount}/keys/{kek.Fingerprint()}", null, (status, _) => status != HttpStatusCode.NotFound && Expect(status), cancellation);

    private Task<T> CallAsync<T>(HttpMethod method, string path, byte[]? body, Func<HttpStatusCode, JsonElement?, T> read, CancellationToken cancellation)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _isDisposed) != 0, this);
        return _vault.CallAsync(method, path, body, read, cancellation);
    }
}
