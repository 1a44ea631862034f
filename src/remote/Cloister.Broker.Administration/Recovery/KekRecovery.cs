using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.AdminApi;
using Cloister.Broker.State;
using Cloister.Broker.State.Keks;
using Cloister.Broker.State.Policies;
using Cloister.Contracts.Keys;
using Cloister.KeyStores;
using Cloister.Recovery;

namespace Cloister.Broker.Administration.Recovery;

/// <summary>
/// KEKs out of the broker as recovery shares, and back (docs/recovery-shares.md). Each act is checked against a role and is in the audit log.
/// Thread-safe. secrets: KEKs in pinned memory, wiped; shares pass through as texts, which the runtime's heap keeps until it reuses the memory.
/// </summary>
public sealed class KekRecovery
{
    private const int KekSize = 32;

    private readonly IBrokerState _state;
    private readonly AuditedActs _acts;
    private readonly KeyStoreSet _stores;
    private readonly string _authority;
    private readonly IShareAuthority _signer;

    /// <summary>Recovery for a broker.</summary>
    /// <param name="state">Its state.</param>
    /// <param name="stores">Its key stores, by name.</param>
    /// <param name="authority">Its authority, part of every KEK's identity.</param>
    /// <param name="signer">Signs shares, and knows its own again.</param>
    /// <param name="restoreUnknown">Whether versions are restored that this database has no record of: it was lost.</param>
    public KekRecovery(
        IBrokerState state, IReadOnlyDictionary<string, IKeyStore> stores, string authority, IShareAuthority signer, bool restoreUnknown = false) =>
        (_state, _acts, _stores, _authority, _signer, RestoreUnknown) = (state, new AuditedActs(state), new KeyStoreSet(stores), authority, signer, restoreUnknown);

    /// <summary>Whether versions are restored that the database has no record of.</summary>
    public bool RestoreUnknown { get; set; }

    /// <summary>Splits a version into shares, each signed, and sealed to its keeper.</summary>
    /// <exception cref="AdministrationException">Wrong role, no such version, a store that never releases, or numbers that cannot be.</exception>
    public Task<(KekIdentity Kek, IReadOnlyList<SealedRecoveryShare> Shares)> ExportAsync(
        Administrator by, string kek, int version, int threshold, ShareKeepers keepers, CancellationToken cancellation)
    {
        JsonObject details = new() { ["kek"] = kek, ["version"] = version, ["threshold"] = threshold, ["keepers"] = keepers.Pins() };
        return _acts.RunAsync(by, AdministratorRole.KeyCustodian, "kek.export", details, async () =>
        {
            keepers.RequireThreshold(threshold);
            (KekIdentity identity, IKeyStore store) = await FindAsync(kek, version, cancellation);
            byte[] key = GC.AllocateArray<byte>(KekSize, pinned: true);
            try
            {
                await store.ReleaseAsync(identity, key, cancellation);
                string commitment = KekCommitment.Of(identity, key);
                return (identity, keepers.Seal(RecoveryShares.Split(identity, key, threshold, keepers.Count).Select(share => share.Sign(commitment, _signer))));
            }
            finally
            {
                CryptographicOperations.ZeroMemory(key);
            }
        });
    }

    /// <summary>Restores in memory, compares with the key store, wipes. Nothing is changed.</summary>
    /// <param name="by">Who.</param>
    /// <param name="shares">Texts of shares.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="AdministrationException">Wrong role, or the key store does not answer.</exception>
    public Task<KekDrill> DrillAsync(Administrator by, IReadOnlyList<string> shares, CancellationToken cancellation)
    {
        JsonObject details = new() { ["shares"] = shares.Count };
        return _acts.RunAsync(by, AdministratorRole.KeyCustodian, "kek.drill", details, async () =>
        {
            byte[] restored = GC.AllocateArray<byte>(KekSize, pinned: true);
            byte[] kept = GC.AllocateArray<byte>(KekSize, pinned: true);
            try
            {
                KekIdentity kek = Combine(shares, restored);
                (details["kek"], details["version"]) = (kek.Name, kek.Version);
                string? problem = await CompareAsync(kek, restored, kept, cancellation) ?? NotSigned(shares);
                details["matches"] = problem is null;
                return new KekDrill(kek, problem is null, problem ?? "");
            }
            catch (AdministrationException e) when (e.Failure == AdministrationFailure.BadRequest)
            {
                details["matches"] = false;
                return new KekDrill(null, false, e.Message);
            }
            finally
            {
                CryptographicOperations.ZeroMemory(restored);
                CryptographicOperations.ZeroMemory(kept);
            }
        });
    }

    /// <summary>
    /// Takes the version in that shares restore, under the name, number and generation it had. Only one that the broker has a record of, with the key
    /// that it had; a refusal leaves nothing behind.
    /// </summary>
    /// <param name="by">Who.</param>
    /// <param name="shares">Texts of shares.</param>
    /// <param name="kek">Makes the KEK of a name, if it is not there yet.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="AdministrationException">Wrong role, shares that do not restore, another authority's, or another key is there.</exception>
    public Task<Kek> RestoreAsync(Administrator by, IReadOnlyList<string> shares, Func<string, KekRecord> kek, CancellationToken cancellation)
    {
        JsonObject details = new() { ["shares"] = shares.Count };
        return _acts.RunAsync(by, AdministratorRole.KeyCustodian, "kek.restore", details, async (AuditedActs.Done done) =>
        {
            byte[] key = GC.AllocateArray<byte>(KekSize, pinned: true);
            try
            {
                (KekIdentity identity, KekRecord record, string commitment) = await PrepareAsync(shares, key, kek, details, cancellation);
                IKeyStore store = _stores.Find(record.Store);
                await store.ImportAsync(identity, key, cancellation);
                try
                {
                    return await _state.RestoreVersionAsync(
                        record, checked((int)identity.Version), identity.Generation, commitment, cancellation, made => done(entry => entry["new"] = made));
                }
                catch (BrokerStateException e) when (e.Error is BrokerStateError.Refused or BrokerStateError.NotFound)
                {
                    await RemoveAsync(store, identity);
                    throw;
                }
            }
            finally
            {
                CryptographicOperations.ZeroMemory(key);
            }
        });
    }

    /// <summary>Refuses what <see cref="RestoreAsync"/> would refuse now, and does nothing else. Only a refusal is in the log.</summary>
    /// <returns>What would be restored: all that a second administrator approves. No secrets.</returns>
    /// <exception cref="AdministrationException">As there.</exception>
    public async Task<JsonObject> CheckRestoreAsync(Administrator by, IReadOnlyList<string> shares, Func<string, KekRecord> kek, CancellationToken cancellation)
    {
        JsonObject details = new() { ["shares"] = shares.Count };
        byte[] key = GC.AllocateArray<byte>(KekSize, pinned: true);
        try
        {
            return await _acts.CheckAsync(by, AdministratorRole.KeyCustodian, "kek.restore", details, async () =>
            {
                (KekIdentity identity, KekRecord record, string commitment) = await PrepareAsync(shares, key, kek, details, cancellation);
                return new JsonObject
                {
                    ["kek"] = identity.Name, ["version"] = identity.Version, ["keyId"] = KeyId.Format(identity.Fingerprint()), ["commitment"] = commitment, ["cluster"] = record.Cluster,
                    ["store"] = record.Store, ["policy"] = record.Policy, ["policyDigest"] = (string?)details["policyDigest"], ["release"] = record.Release,
                };
            });
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    // Everything that can be refused, before anything is changed.
    private async Task<(KekIdentity Identity, KekRecord Record, string Commitment)> PrepareAsync(
        IReadOnlyList<string> shares, byte[] key, Func<string, KekRecord> kek, JsonObject details, CancellationToken cancellation)
    {
        (KekIdentity identity, string signed) = CombineSigned(shares, key);
        KekRecord record = kek(identity.Name);
        (details["kek"], details["version"], details["store"]) = (identity.Name, identity.Version, record.Store);
        (details["cluster"], details["policy"], details["release"]) = (record.Cluster, record.Policy, record.Release);
        if (!KekStrength.IsPlausible(key))
        {
            throw new AdministrationException(KekStrength.Refusal);
        }

        PolicyRecord policy = await _state.FindPolicyAsync(record.Policy, cancellation)
            ?? throw new AdministrationException($"there is no policy {record.Policy}: set it first", AdministrationFailure.NotFound);
        details["policyDigest"] = policy.Digest;
        _stores.Find(record.Store);
        await _state.CheckRestoreAsync(record, checked((int)identity.Version), identity.Generation, cancellation);
        string commitment = KekCommitment.Of(identity, key);
        if (signed != commitment)
        {
            throw new AdministrationException("the shares restore another key than the one that this broker split: they are forged");
        }

        string known = await _state.FindCommitmentAsync(identity.Name, checked((int)identity.Version), cancellation);
        if (known.Length > 0 && known != commitment)
        {
            throw new AdministrationException($"the shares restore another key than version {identity.Version} of KEK {identity.Name} had: they are forged, or damaged");
        }

        return known.Length > 0 || RestoreUnknown
            ? (identity, record, commitment)
            : throw new AdministrationException(
                $"this broker has no record of the key of version {identity.Version} of KEK {identity.Name}, so nothing shows that the shares are not forged: "
                + "if its database was lost, set 'admin.restoreUnknown: allowed' in its configuration as long as you restore (docs/recovery-shares.md)");
    }

    // A key that no version of the database names. Another restoration of the same version may have been first: then it is that one's.
    private async Task RemoveAsync(IKeyStore store, KekIdentity identity)
    {
        Kek? kek = await _state.FindKekAsync(identity.Name, CancellationToken.None);
        if (kek?.Versions.Any(version => version.Generation == identity.Generation && version.State != KekVersionState.Destroyed) != true)
        {
            await store.DestroyAsync(identity, CancellationToken.None);
        }
    }

    /// <exception cref="AdministrationException">Bad request: they do not restore a KEK.</exception>
    private static KekIdentity Combine(IReadOnlyList<string> shares, byte[] key)
    {
        try
        {
            return RecoveryShares.Combine([.. shares.Select(RecoveryShare.Parse)], key);
        }
        catch (RecoveryShareException e)
        {
            throw new AdministrationException(e.Message, AdministrationFailure.BadRequest);
        }
    }

    /// <summary>Restores from shares that this broker's authority signed, every one.</summary>
    /// <returns>What they restore, and the commitment that was signed.</returns>
    /// <exception cref="AdministrationException">They do not restore a KEK, or one was not signed here.</exception>
    private (KekIdentity Kek, string Commitment) CombineSigned(IReadOnlyList<string> shares, byte[] key)
    {
        KekIdentity identity = Combine(shares, key);
        if (identity.Authority != _authority)
        {
            // Under this authority the same key would have another key_id than the one that stored values name.
            throw new AdministrationException($"the shares are of authority {identity.Authority}, this broker's is {_authority}: bring that authority back first");
        }

        return NotSigned(shares) is { } problem ? throw new AdministrationException(problem) : (identity, RecoveryShare.Parse(shares[0]).Commitment);
    }

    // Which share it is: the one who brought it is asked first.
    private string? NotSigned(IReadOnlyList<string> shares)
    {
        RecoveryShare[] all = [.. shares.Select(RecoveryShare.Parse)];
        return all.FirstOrDefault(share => share.Commitment != all[0].Commitment || !share.IsSignedBy(_signer)) is { } other
            ? $"share {other.X} of set {other.SetId} is not signed by this broker's authority: it is forged, or of before shares were signed"
            : null;
    }

    private async Task<string?> CompareAsync(KekIdentity kek, byte[] restored, byte[] kept, CancellationToken cancellation)
    {
        if (kek.Authority != _authority || await _state.FindKekAsync(kek.Name, cancellation) is not { } found
            || found.Versions.FirstOrDefault(version => version.Version == kek.Version && version.Generation == kek.Generation) is not { } version)
        {
            return "the shares restore a KEK version that this broker does not have: they are of another broker";
        }

        if (version.State == KekVersionState.Destroyed)
        {
            return "the shares restore a KEK version that was destroyed: destroy the shares too";
        }

        await _stores.Find(found.Record.Store).ReleaseAsync(kek, kept, cancellation);
        return CryptographicOperations.FixedTimeEquals(restored, kept) ? null : "the shares restore another key than the key store has under that name";
    }

    private async Task<(KekIdentity Identity, IKeyStore Store)> FindAsync(string name, int number, CancellationToken cancellation)
    {
        Kek? kek = await _state.FindKekAsync(name, cancellation);
        if (kek?.Versions.FirstOrDefault(version => version.Version == number) is not { State: not KekVersionState.Destroyed } version)
        {
            throw new AdministrationException($"there is no version {number} of KEK {name}, or it was destroyed", AdministrationFailure.NotFound);
        }

        IKeyStore store = _stores.Find(kek.Record.Store);
        return store.CanRelease
            ? (new KekIdentity(_authority, name, checked((uint)number), version.Generation), store)
            : throw new AdministrationException($"key store {kek.Record.Store} never releases a KEK: back it up with its own means");
    }
}
