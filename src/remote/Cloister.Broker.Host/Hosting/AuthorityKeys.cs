using System.Security.Cryptography;
using Cloister.Audit;
using Cloister.Broker.Challenges;
using Cloister.Broker.State;
using Cloister.Broker.Tokens;
using Cloister.KeyStores.RootKeys;

namespace Cloister.Broker.Host.Hosting;

/// <summary>
/// The keys that all brokers of a database share, wrapped by the root key among its settings. The first broker to start makes them.
/// secrets: authority key, challenge key and the key of checkpoints, in clear here only while they are read or made.
/// </summary>
internal static class AuthorityKeys
{
    /// <summary>The setting that holds the authority key; where it is absent, the database is new.</summary>
    public const string AuthoritySetting = "authority-key";

    private const string ChallengeSetting = "challenge-key";
    private const string CheckpointSetting = "checkpoint-key";
    private const int KeySize = 32;

    /// <summary>The authority: its private scalar is what is wrapped.</summary>
    /// <exception cref="KeyStores.KeyStoreException">The root key does not answer, or is another one.</exception>
    public static Task<BrokerAuthority> OpenAuthorityAsync(ISettings settings, IRootKey root, CancellationToken cancellation) =>
        OpenAsync(settings, root, AuthoritySetting, NewScalar, AuthorityOf, cancellation);

    /// <summary>What challenges are sealed with.</summary>
    /// <exception cref="KeyStores.KeyStoreException">The root key does not answer, or is another one.</exception>
    public static Task<ChallengeSealer> OpenChallengesAsync(ISettings settings, IRootKey root, TimeProvider clock, CancellationToken cancellation) =>
        OpenAsync(settings, root, ChallengeSetting, RandomNumberGenerator.Fill, key => new ChallengeSealer(key, clock), cancellation);

    /// <summary>What signs checkpoints of the audit log: Ed25519.</summary>
    /// <param name="settings">Where it is.</param>
    /// <param name="root">What wraps it.</param>
    /// <param name="origin">Which log it signs.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="KeyStores.KeyStoreException">The root key does not answer, or is another one.</exception>
    public static Task<CheckpointSigner> OpenCheckpointsAsync(ISettings settings, IRootKey root, string origin, CancellationToken cancellation) =>
        OpenAsync(settings, root, CheckpointSetting, RandomNumberGenerator.Fill, key => new CheckpointSigner(origin, new Ed25519.PrivateKey(key)), cancellation);

    /// <summary>Puts the key of an authority into a database that has none.</summary>
    /// <returns>False: the database has an authority, and nothing was changed.</returns>
    /// <exception cref="KeyStores.KeyStoreException">The root key does not answer.</exception>
    public static Task<bool> RestoreAuthorityAsync(ISettings settings, IRootKey root, ReadOnlySpan<byte> key, CancellationToken cancellation) =>
        settings.SetSettingIfAbsentAsync(AuthoritySetting, root.Wrap(key, LabelOf(AuthoritySetting)), cancellation);

    /// <summary>The authority of this scalar.</summary>
    internal static BrokerAuthority AuthorityOf(byte[] key) => new(ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = key }));

    private static async Task<T> OpenAsync<T>(ISettings settings, IRootKey root, string name, Fill make, Func<byte[], T> use, CancellationToken cancellation)
    {
        byte[] label = LabelOf(name);
        byte[] key = GC.AllocateArray<byte>(KeySize, pinned: true);
        try
        {
            byte[]? wrapped = await settings.FindSettingAsync(name, cancellation);
            if (wrapped is null)
            {
                make(key);
                await settings.SetSettingIfAbsentAsync(name, root.Wrap(key, label), cancellation);

                // Another broker may have been first: its key is the one.
                wrapped = await settings.FindSettingAsync(name, cancellation);
            }

            root.Unwrap(wrapped, label, key);
            return use(key);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    private static void NewScalar(Span<byte> key)
    {
        using ECDsa made = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] scalar = made.ExportParameters(includePrivateParameters: true).D!;
        scalar.CopyTo(key);
        CryptographicOperations.ZeroMemory(scalar);
    }

    private static byte[] LabelOf(string setting) => [.. "cloister-broker-v1 "u8, .. System.Text.Encoding.ASCII.GetBytes(setting)];

    private delegate void Fill(Span<byte> key);
}
