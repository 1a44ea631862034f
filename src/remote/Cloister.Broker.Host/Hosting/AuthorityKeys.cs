using System.Globalization;
using System.Security.Cryptography;
using Cloister.Audit;
using Cloister.Broker.Administration;
using Cloister.Broker.Challenges;
using Cloister.Broker.State;
using Cloister.Broker.State.Rows;
using Cloister.Broker.Tokens;
using Cloister.KeyStores;
using Cloister.KeyStores.Pkcs11;
using Cloister.KeyStores.RootKeys;

namespace Cloister.Broker.Host.Hosting;

/// <summary>
/// The keys that all brokers of a database share, each of a name of its own among the wrapped keys: <c>authority</c> and those that followed it
/// (<c>authority/N/ID</c>, or <c>authority-token/N/ID</c> for the digest of one that is in a token), <c>lease-key/N</c>, <c>token-key/N</c>,
/// <c>gateway-key/1</c>, <c>challenge-key</c>, <c>checkpoint-key</c>. The highest number is the one that is used. Certificates of the authority's keys are settings, which need no
/// protection: they are signed. The first broker to start makes what is not there.
/// secrets: the keys, in clear here only while they are read or made.
/// </summary>
internal sealed class AuthorityKeys(WrappedKeys keys, ISettings settings, IReadOnlyList<Func<bool, ECDsa>> tokens, TimeProvider clock)
{
    /// <summary>Use of the keys that sign tokens.</summary>
    public const string TokenUse = "token-key";

    /// <summary>Use of the keys that sign leases.</summary>
    public const string LeaseUse = "lease-key";

    // The names that the authority's key has since rows are authenticated. Under one of them no row is taken for what it is any more: whoever removes the
    // rows' key and the chain of their changes finds brokers that do not start.
    private const string FirstKey = "authority";
    private const string FormerKey = "authority-key";
    private const string InToken = "authority-token";
    private const string CertificatePrefix = "authority-certificate/";
    private static readonly WrappedName Challenge = WrappedName.OfKey("challenge-key");
    private static readonly WrappedName Checkpoint = WrappedName.OfKey("checkpoint-key");
    private static readonly WrappedName Gateway = WrappedName.OfKey("gateway-key/1");

    /// <summary>Moves what earlier versions kept among the settings to the wrapped keys.</summary>
    /// <exception cref="BrokerStateException">The database does not answer.</exception>
    /// <exception cref="KeyStoreException">The database does not answer.</exception>
    public static async Task AdoptAsync(ISettings settings, WrappedKeys keys, CancellationToken cancellation)
    {
        foreach (WrappedName name in new[] { WrappedName.OfKey(FormerKey), Challenge })
        {
            if (await settings.FindSettingAsync(name.Name, cancellation) is { } wrapped)
            {
                await keys.AdoptAsync(name, wrapped, cancellation);
                await settings.RemoveSettingAsync(name.Name, cancellation);
            }
        }
    }

    /// <summary>
    /// The key that authenticates rows. Before the authority is opened: of a database that has none yet, or that of an earlier version, the rows are taken
    /// for what they are.
    /// </summary>
    /// <returns>The key, and whether rows were.</returns>
    /// <exception cref="KeyStoreException">The root key does not answer, or is another one.</exception>
    /// <exception cref="BrokerStateException">Not authentic: the key was removed, or the authority's was.</exception>
    public static async Task<(RowKey Key, bool Adopted)> OpenRowsAsync(SqlBrokerState state, WrappedKeys keys, CancellationToken cancellation)
    {
        WrappedName formerName = WrappedName.OfKey(FormerKey);
        if ((await keys.KeysAsync(cancellation)).Any(name => VersionOf(name) is not null))
        {
            await keys.DeleteAsync(formerName, cancellation);
            return (await RowKeys.FindAsync(keys, cancellation), false);
        }

        byte[]? former = await keys.FindAsync(formerName, PinnedCopy, cancellation);
        RowKey key = await RowKeys.OpenOrMakeAsync(keys, cancellation);
        try
        {
            bool adopted = await state.AdoptRowsAsync(key, mayHaveRows: former is not null, cancellation);
            if (former is not null)
            {
                await keys.AddAsync(WrappedName.OfKey(FirstKey), former, cancellation);
                await keys.DeleteAsync(formerName, cancellation);
            }

            return (key, adopted);
        }
        catch
        {
            key.Dispose();
            throw;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(former);
        }
    }

    /// <summary>Puts the key of an authority into a database that has none.</summary>
    /// <returns>False: the database has an authority, and nothing was changed.</returns>
    /// <exception cref="KeyStoreException">The root key does not answer.</exception>
    public static Task<bool> RestoreAuthorityAsync(WrappedKeys keys, ReadOnlyMemory<byte> key, CancellationToken cancellation) =>
        keys.AddAsync(WrappedName.OfKey(FirstKey), key, cancellation);

    /// <summary>The P-256 key of this scalar.</summary>
    internal static ECDsa KeyOf(byte[] scalar) => ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = scalar });

    /// <summary>The key of a PKCS#11 token that a configuration names; made when asked to.</summary>
    internal static Func<bool, ECDsa> OfToken(Pkcs11TokenOptions token, string label) => make => Pkcs11SigningKey.Open(token, label, make);

    /// <summary>What challenges are sealed with.</summary>
    /// <exception cref="KeyStoreException">The root key does not answer, or is another one.</exception>
    public Task<ChallengeSealer> OpenChallengesAsync(CancellationToken cancellation) =>
        keys.OpenOrMakeAsync(Challenge, RandomNumberGenerator.Fill, key => new ChallengeSealer(key, clock), cancellation);

    /// <summary>What signs checkpoints of the audit log: Ed25519.</summary>
    /// <param name="origin">Which log it signs.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="KeyStoreException">The root key does not answer, or is another one.</exception>
    public Task<CheckpointSigner> OpenCheckpointsAsync(string origin, CancellationToken cancellation) =>
        keys.OpenOrMakeAsync(Checkpoint, RandomNumberGenerator.Fill, key => new CheckpointSigner(origin, new Ed25519.PrivateKey(key)), cancellation);

    /// <summary>The names of the keys that there are, for telling whether they changed.</summary>
    /// <exception cref="KeyStoreException">The database does not answer.</exception>
    public async Task<string> VersionAsync(CancellationToken cancellation) => string.Join(' ', await keys.KeysAsync(cancellation));

    /// <summary>Every key of the authority, made where there is none.</summary>
    /// <exception cref="KeyStoreException">The root key or a token does not answer, or is another one; damaged: a key or its certificates are not what they should be.</exception>
    /// <exception cref="BrokerStateException">The database does not answer.</exception>
    public async Task<AuthorityKeySet> OpenAsync(CancellationToken cancellation)
    {
        AuthorityVersion current = await CurrentAsync(cancellation);
        SigningKey authority = new(await KeyAsync(current.Name, cancellation));
        string id = current.Id ?? authority.Name;
        IReadOnlyList<byte[]> certificates = await CertificatesAsync(current.Number, authority, cancellation);
        if (AuthorityCertificates.AuthorityOf(certificates, authority.PublicKey) != id)
        {
            throw new KeyStoreException(KeyStoreFailure.Damaged, $"the certificates of authority {id} in the database (settings {CertificatePrefix}N) are not those of its keys: put them back from a copy of the database");
        }

        ECDsa gateways = await keys.OpenOrMakeAsync(Gateway, scalar => MakeGateway(authority, scalar), KeyOf, cancellation);
        return new AuthorityKeySet(
            authority, certificates, (await OfUseAsync(LeaseUse, cancellation))[0], await OfUseAsync(TokenUse, cancellation), new GatewayAuthority(gateways, id), clock.GetUtcNow());
    }

    /// <summary>
    /// Follows the authority's key by another one, which it certifies, and forgets it. Each step is one change of the database: when it is interrupted, doing
    /// it again goes on.
    /// </summary>
    /// <param name="token">Where the next key is, in a token; null: a new one, wrapped by the root key.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <returns>The keys after it.</returns>
    /// <exception cref="KeyStoreException">As <see cref="OpenAsync"/>.</exception>
    public async Task<AuthorityKeySet> RotateAuthorityAsync(Func<bool, ECDsa>? token, CancellationToken cancellation)
    {
        List<AuthorityVersion> all = await VersionsAsync(cancellation);
        AuthorityVersion current = await CurrentAsync(cancellation);
        if (!all.Exists(one => one.Number < current.Number))
        {
            using AuthorityKeySet before = await OpenAsync(cancellation);
            AuthorityVersion? begun = all.Find(one => one.Number > current.Number);
            WrappedName next = begun?.Name ?? WrappedName.OfKey(FormattableString.Invariant($"{(token is null ? FirstKey : InToken)}/{current.Number + 1}/{before.Id}"));
            using SigningKey key = new(await NextAsync(next, token, before.Authority, cancellation));
            byte[] certificate = AuthorityCertificates.Succeed(before.Authority, key.PublicKey, clock.GetUtcNow());
            await settings.SetSettingIfAbsentAsync(FormattableString.Invariant($"{CertificatePrefix}{current.Number + 1}"), certificate, cancellation);
            current = await CurrentAsync(cancellation);
        }

        // From here on brokers use the new one; what it needs is opened before the old one goes.
        AuthorityKeySet after = await OpenAsync(cancellation);
        foreach (AuthorityVersion old in (await VersionsAsync(cancellation)).Where(one => one.Number < current.Number))
        {
            await keys.DeleteAsync(old.Name, cancellation);
        }

        return after;
    }

    /// <summary>Adds a key of a use, and forgets those that are older than the last one: that one's tokens are still accepted.</summary>
    /// <exception cref="KeyStoreException">The root key does not answer.</exception>
    public async Task RotateAsync(string use, CancellationToken cancellation)
    {
        List<long> numbers = await NumbersAsync(use, cancellation);
        byte[] key = GC.AllocateArray<byte>(WrappedKeys.KeySize, pinned: true);
        try
        {
            NewScalar(key);
            await keys.AddAsync(NameOf(use, numbers.FirstOrDefault() + 1), key, cancellation);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }

        foreach (long old in numbers.Skip(1))
        {
            await keys.DeleteAsync(NameOf(use, old), cancellation);
        }
    }

    private static WrappedName NameOf(string use, long number) => WrappedName.OfKey(FormattableString.Invariant($"{use}/{number}"));

    private static byte[] PinnedCopy(byte[] key)
    {
        byte[] copy = GC.AllocateUninitializedArray<byte>(key.Length, pinned: true);
        key.CopyTo(copy, 0);
        return copy;
    }

    private static void NewScalar(Span<byte> key)
    {
        using ECDsa made = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Export(made, key);
    }

    private static void Export(ECDsa from, Span<byte> key)
    {
        byte[] scalar = from.ExportParameters(includePrivateParameters: true).D!;
        scalar.CopyTo(key);
        CryptographicOperations.ZeroMemory(scalar);
    }

    // An authority whose key never leaves a token cannot have another one derived from it.
    private static void MakeGateway(SigningKey authority, Span<byte> key)
    {
        try
        {
            using ECDsa derived = GatewayAuthority.Derive(authority);
            Export(derived, key);
        }
        catch (CryptographicException)
        {
            NewScalar(key);
        }
    }

    private async Task<AuthorityVersion> CurrentAsync(CancellationToken cancellation)
    {
        List<AuthorityVersion> all = await VersionsAsync(cancellation);
        if (all.Count == 0)
        {
            await MakeFirstAsync(cancellation);
            all = await VersionsAsync(cancellation);
        }

        // One without a certificate is of a rotation that has not come so far.
        for (int i = all.Count - 1; i >= 0; i--)
        {
            if (all[i].Number == 1 || await settings.FindSettingAsync(FormattableString.Invariant($"{CertificatePrefix}{all[i].Number}"), cancellation) is not null)
            {
                return all[i];
            }
        }

        throw new KeyStoreException(KeyStoreFailure.Damaged, $"the authority's certificate is missing (settings {CertificatePrefix}N): put it back from a copy of the database");
    }

    private async Task MakeFirstAsync(CancellationToken cancellation)
    {
        if (tokens.Count == 0)
        {
            await keys.OpenOrMakeAsync(WrappedName.OfKey(FirstKey), NewScalar, _ => true, cancellation);
            return;
        }

        using SigningKey key = new(tokens[0](true));
        await keys.AddAsync(WrappedName.OfKey($"{InToken}/1/{key.Name}"), SHA256.HashData(key.PublicKey), cancellation);
    }

    private async Task<ECDsa> NextAsync(WrappedName name, Func<bool, ECDsa>? token, SigningKey before, CancellationToken cancellation)
    {
        if (!name.Name.StartsWith(InToken, StringComparison.Ordinal))
        {
            return await keys.OpenOrMakeAsync(name, NewScalar, KeyOf, cancellation);
        }

        using (SigningKey made = new((token ?? throw new KeyStoreException(KeyStoreFailure.Exists, "a rotation to a key of a token is under way: name it as newAuthorityKey and end that one first"))(true)))
        {
            if (made.Name == before.Name)
            {
                throw new KeyStoreException(KeyStoreFailure.Exists, "the new authority key is the one that is being replaced");
            }

            await keys.AddAsync(name, SHA256.HashData(made.PublicKey), cancellation);
        }

        return await KeyAsync(name, cancellation);
    }

    private async Task<ECDsa> KeyAsync(WrappedName name, CancellationToken cancellation)
    {
        if (!name.Name.StartsWith(InToken, StringComparison.Ordinal))
        {
            return await keys.FindAsync(name, KeyOf, cancellation) ?? throw Gone(name);
        }

        byte[] digest = await keys.FindAsync(name, one => one.ToArray(), cancellation) ?? throw Gone(name);
        foreach (Func<bool, ECDsa> open in tokens)
        {
            ECDsa key = open(false);
            if (SHA256.HashData(key.ExportSubjectPublicKeyInfo()).AsSpan().SequenceEqual(digest))
            {
                return key;
            }

            key.Dispose();
        }

        throw new KeyStoreException(KeyStoreFailure.Unknown, $"the authority's key is sha256:{Convert.ToBase64String(digest)} in a token, and none that the configuration names: name it as authorityKey");
    }

    private async Task<IReadOnlyList<byte[]>> CertificatesAsync(long number, SigningKey key, CancellationToken cancellation)
    {
        List<byte[]> certificates = [];
        if (number == 1)
        {
            await settings.SetSettingIfAbsentAsync($"{CertificatePrefix}1", AuthorityCertificates.First(key, clock.GetUtcNow()), cancellation);
        }

        for (; number > 0; number--)
        {
            certificates.Add(await settings.FindSettingAsync(FormattableString.Invariant($"{CertificatePrefix}{number}"), cancellation) ?? []);
        }

        return certificates;
    }

    private async Task<List<SigningKey>> OfUseAsync(string use, CancellationToken cancellation)
    {
        List<long> numbers = await NumbersAsync(use, cancellation);
        List<SigningKey> found = [];
        foreach (long number in numbers.DefaultIfEmpty(1))
        {
            WrappedName name = NameOf(use, number);
            found.Add(new SigningKey(
                numbers.Count == 0 ? await keys.OpenOrMakeAsync(name, NewScalar, KeyOf, cancellation) : await keys.FindAsync(name, KeyOf, cancellation) ?? throw Gone(name)));
        }

        return found;
    }

    // The newest first.
    private async Task<List<long>> NumbersAsync(string use, CancellationToken cancellation) =>
        [.. (await keys.KeysAsync(cancellation)).Where(name => name.StartsWith(use + "/", StringComparison.Ordinal)).Select(name => Number(name[(use.Length + 1)..])).OrderDescending()];

    // The oldest first.
    private async Task<List<AuthorityVersion>> VersionsAsync(CancellationToken cancellation) =>
        [.. (await keys.KeysAsync(cancellation)).Select(VersionOf).OfType<AuthorityVersion>().OrderBy(one => one.Number)];

    private static AuthorityVersion? VersionOf(string name) => name.Split('/') switch
    {
        [FirstKey] => new AuthorityVersion(1, null, WrappedName.OfKey(name)),
        [FirstKey or InToken, var number, var id] => new AuthorityVersion(Number(number), id, WrappedName.OfKey(name)),
        _ => null,
    };

    private static long Number(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number > 0
        ? number
        : throw new KeyStoreException(KeyStoreFailure.Denied, $"the database has a key of a name that this program does not know: it ends with {text}. A newer broker made it");

    private static KeyStoreException Gone(WrappedName name) => new(KeyStoreFailure.Unavailable, $"key {name.Name} was replaced just now: try again");

    private sealed record AuthorityVersion(long Number, string? Id, WrappedName Name);
}
