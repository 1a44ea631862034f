using System.Security.Cryptography;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Net.Pkcs11Interop.HighLevelAPI;

namespace Cloister.KeyStores.Pkcs11;

/// <summary>
/// KEKs that are keys of a PKCS#11 token, labelled by their fingerprint, never released. Items are wrapped in the token as <see cref="TokenKey"/> says;
/// where that is AES-GCM the IV is random, so that a KEK should wrap at most 2^32 items.
/// secrets: items pass through; KEKs never leave the token.
/// </summary>
public sealed class Pkcs11KeyStore : IKeyStore
{
    private readonly Pkcs11Token _token;

    /// <summary>Names the token. It is asked at the first use.</summary>
    public Pkcs11KeyStore(Pkcs11TokenOptions options) => _token = new Pkcs11Token(options);

    /// <inheritdoc/>
    public string Kind => "pkcs11";

    /// <inheritdoc/>
    public bool CanRelease => false;

    /// <inheritdoc/>
    public Task CheckAsync(CancellationToken cancellation) => UseAsync(session => session.GetSessionInfo(), cancellation);

    /// <inheritdoc/>
    public Task CreateAsync(KekIdentity kek, CancellationToken cancellation) => UseAsync(
        session => TokenKey.Find(session, LabelOf(kek)) is null ? TokenKey.Create(session, LabelOf(kek)) : throw StoreItems.Exists(kek),
        cancellation);

    /// <summary>Refused: a key that was outside the token is not a key that never leaves it.</summary>
    /// <exception cref="KeyStoreException">Denied, always.</exception>
    public Task ImportAsync(KekIdentity kek, ReadOnlyMemory<byte> key, CancellationToken cancellation) => throw StoreItems.NoImport(Kind);

    /// <summary>Refused.</summary>
    /// <exception cref="KeyStoreException">Denied, always.</exception>
    public Task ReleaseAsync(KekIdentity kek, Memory<byte> key, CancellationToken cancellation) => throw StoreItems.NoRelease(Kind);

    /// <inheritdoc/>
    public Task<IReadOnlyList<byte[]>> WrapAsync(KekIdentity kek, EnvelopeContext context, IReadOnlyList<ReadOnlyMemory<byte>> items, CancellationToken cancellation)
    {
        StoreItems.CheckForWrap(items);
        byte[] aad = KekAad.OfItem(kek, context);
        return UseAsync<IReadOnlyList<byte[]>>(
            session =>
            {
                TokenKey key = KeyOf(session, kek);
                byte[][] wrapped = new byte[items.Count][];
                for (int i = 0; i < wrapped.Length; i++)
                {
                    byte[] item = GC.AllocateUninitializedArray<byte>(items[i].Length, pinned: true);
                    try
                    {
                        items[i].Span.CopyTo(item);
                        wrapped[i] = key.Encrypt(item, aad);
                    }
                    finally
                    {
                        CryptographicOperations.ZeroMemory(item);
                    }
                }

                return wrapped;
            },
            cancellation);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<byte[]?>> UnwrapAsync(KekIdentity kek, EnvelopeContext context, IReadOnlyList<ReadOnlyMemory<byte>> items, CancellationToken cancellation)
    {
        byte[] aad = KekAad.OfItem(kek, context);
        return UseAsync<IReadOnlyList<byte[]?>>(
            session =>
            {
                TokenKey key = KeyOf(session, kek);
                return [.. items.Select(item => key.Decrypt(item.Span, aad))];
            },
            cancellation);
    }

    /// <inheritdoc/>
    public Task DestroyAsync(KekIdentity kek, CancellationToken cancellation) => UseAsync(
        session =>
        {
            if (TokenKey.Find(session, LabelOf(kek)) is { } key)
            {
                key.Destroy();
            }

            return true;
        },
        cancellation);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _token.Dispose();
        return ValueTask.CompletedTask;
    }

    private static string LabelOf(KekIdentity kek) => kek.Fingerprint().ToString();

    private static TokenKey KeyOf(ISession session, KekIdentity kek) => TokenKey.Find(session, LabelOf(kek)) ?? throw StoreItems.Unknown(kek);

    // PKCS#11 calls block, some for as long as a network HSM takes.
    private Task<T> UseAsync<T>(Func<ISession, T> call, CancellationToken cancellation) => Task.Run(() => _token.Use(call), cancellation);
}
