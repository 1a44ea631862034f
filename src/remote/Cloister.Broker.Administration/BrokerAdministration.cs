using System.Text.Json.Nodes;
using Cloister.AdminApi;
using Cloister.Broker.Administration.Recovery;
using Cloister.Broker.State;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Keks;
using Cloister.Broker.State.Policies;
using Cloister.Broker.State.Revocations;
using Cloister.Contracts.Keys;
using Cloister.KeyStores;

namespace Cloister.Broker.Administration;

/// <summary>
/// The acts of administrators. Each is checked against a role first, and is in the audit log when it returns, refused ones too.
/// Thread-safe. secrets: none pass; keys are made inside the key stores.
/// </summary>
public sealed class BrokerAdministration
{
    /// <summary>Least time between the order to destroy a KEK version and its destruction.</summary>
    public static readonly TimeSpan LeastDestroyDelay = TimeSpan.FromHours(24);

    private readonly IBrokerState _state;
    private readonly AuditedActs _acts;
    private readonly KeyStoreSet _stores;
    private readonly string _authority;
    private readonly Func<string, IReadOnlyList<string>> _policyErrors;
    private readonly TimeProvider _time;

    /// <summary>Administers a broker.</summary>
    /// <param name="state">Its state.</param>
    /// <param name="stores">Its key stores, by name.</param>
    /// <param name="authority">Its authority, part of every KEK's identity.</param>
    /// <param name="policyErrors">What is wrong with a policy's text.</param>
    /// <param name="time">The clock.</param>
    public BrokerAdministration(
        IBrokerState state, IReadOnlyDictionary<string, IKeyStore> stores, string authority, Func<string, IReadOnlyList<string>> policyErrors, TimeProvider time)
    {
        _state = state;
        _acts = new AuditedActs(state);
        _stores = new KeyStoreSet(stores);
        _authority = authority;
        _policyErrors = policyErrors;
        _time = time;
    }

    /// <summary>Puts a policy in force.</summary>
    /// <exception cref="AdministrationException">Wrong role, or not a policy.</exception>
    public Task<PolicyRecord> SetPolicyAsync(Administrator by, string name, string yaml, CancellationToken cancellation) =>
        _acts.RunAsync(by, AdministratorRole.Operator, "policy.set", new JsonObject { ["policy"] = name }, async (AuditedActs.Done done) =>
        {
            RequirePolicyText(name, yaml);
            return await _state.SetPolicyAsync(name, yaml, by.Name, cancellation, change => done(details =>
            {
                (details["oldDigest"], details["newDigest"]) = (change.Before?.Digest ?? "", change.After.Digest);
                (details["oldVersion"], details["newVersion"]) = (change.Before?.Version ?? 0, change.After.Version);
            }));
        });

    /// <summary>Refuses what <see cref="SetPolicyAsync"/> would refuse now, and does nothing else. Only a refusal is in the log.</summary>
    /// <exception cref="AdministrationException">As there.</exception>
    public Task CheckPolicyAsync(Administrator by, string name, string yaml) =>
        _acts.CheckAsync(by, AdministratorRole.Operator, "policy.set", new JsonObject { ["policy"] = name }, () =>
        {
            RequirePolicyText(name, yaml);
            return Task.FromResult(true);
        });

    /// <summary>Makes a KEK and its version 1, active at once.</summary>
    /// <exception cref="AdministrationException">Wrong role, a wrong name, an unknown store or policy, or a store that cannot release.</exception>
    public Task<Kek> CreateKekAsync(Administrator by, KekRecord kek, CancellationToken cancellation) =>
        _acts.RunAsync(by, AdministratorRole.Operator, "kek.create", Details(kek), async (AuditedActs.Done done) =>
        {
            if (!KekIdentity.IsValidName(kek.Name))
            {
                throw new AdministrationException("a KEK's name has 1 to 63 of a-z 0-9 - . and begins and ends with a letter or digit");
            }

            IKeyStore store = _stores.Find(kek.Store);
            if (kek.Release && !store.CanRelease)
            {
                throw new AdministrationException($"key store {kek.Store} never releases a KEK: make it with release false, for custody remote");
            }

            await RequirePolicyAsync(kek.Policy, cancellation);
            return await _state.CreateKekAsync(kek, _time.GetUtcNow(), MakeKeyIn(store), cancellation, version => done(details => details["generation"] = version.Generation));
        });

    /// <summary>Puts another policy in charge of a KEK.</summary>
    /// <exception cref="AdministrationException">Wrong role, or no such policy.</exception>
    public Task SetKekPolicyAsync(Administrator by, string kek, string policy, CancellationToken cancellation) =>
        _acts.RunAsync(by, AdministratorRole.Operator, "kek.policy", new JsonObject { ["kek"] = kek, ["policy"] = policy }, async (AuditedActs.Done done) =>
        {
            await RequirePolicyAsync(policy, cancellation);
            await _state.SetKekPolicyAsync(kek, policy, cancellation, change => done(details =>
                (details["oldPolicy"], details["oldDigest"], details["newDigest"]) = (change.Before, change.BeforeDigest, change.AfterDigest)));
            return true;
        });

    /// <summary>Refuses what <see cref="SetKekPolicyAsync"/> would refuse now, and does nothing else. Only a refusal is in the log.</summary>
    /// <returns>The KEK, and the policy that would be in charge of it.</returns>
    /// <exception cref="AdministrationException">As there.</exception>
    public Task<(Kek Kek, PolicyRecord Policy)> CheckKekPolicyAsync(Administrator by, string kek, string policy, CancellationToken cancellation) =>
        _acts.CheckAsync(by, AdministratorRole.Operator, "kek.policy", new JsonObject { ["kek"] = kek, ["policy"] = policy }, async () =>
            (await FindAsync(kek, cancellation), await RequirePolicyAsync(policy, cancellation)));

    /// <summary>Makes the next version of a KEK. Writes use it from <paramref name="activeAt"/> on, on every node; null: from now on.</summary>
    /// <exception cref="AdministrationException">Wrong role, no such KEK, or a time that is past.</exception>
    public Task<KekVersion> RotateAsync(Administrator by, string kek, DateTimeOffset? activeAt, CancellationToken cancellation)
    {
        DateTimeOffset now = _time.GetUtcNow();
        DateTimeOffset from = activeAt ?? now;
        return _acts.RunAsync(by, AdministratorRole.Operator, "kek.rotate", new JsonObject { ["kek"] = kek, ["activeAt"] = from.ToUnixTimeMilliseconds() }, async (AuditedActs.Done done) =>
        {
            if (from < now)
            {
                throw new AdministrationException("a new version becomes active now or later, not in the past: writes that were made are under the old one");
            }

            Kek found = await FindAsync(kek, cancellation);
            return await _state.AddVersionAsync(kek, from, MakeKeyIn(_stores.Find(found.Record.Store)), cancellation, version => done(details =>
                (details["version"], details["generation"]) = (version.Version, version.Generation)));
        });
    }

    /// <summary>
    /// Enables or disables a version. Enclaves stop using a disabled one at their next renewal, at once where they watch. Without the version
    /// that writes use, writes stop until it is enabled again or a later one is made: an older key_id never comes back.
    /// </summary>
    /// <param name="by">Who.</param>
    /// <param name="kek">The KEK.</param>
    /// <param name="version">The version.</param>
    /// <param name="enabled">Whether enclaves get it.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <param name="scan">How the administrator knows that no value needs a version that is disabled, for the log; null: that was not said.</param>
    /// <exception cref="AdministrationException">Wrong role, or the version is to be destroyed.</exception>
    public Task SetVersionEnabledAsync(Administrator by, string kek, int version, bool enabled, CancellationToken cancellation, KekScanRecord? scan = null)
    {
        JsonObject details = new() { ["kek"] = kek, ["version"] = version };
        if (!enabled)
        {
            details["scan"] = ScanDetails(scan);
        }

        return _acts.RunAsync(by, AdministratorRole.KeyCustodian, enabled ? "kek.enable" : "kek.disable", details, async (AuditedActs.Done done) =>
        {
            await _state.SetVersionStateAsync(kek, version, enabled, cancellation, Moved(done));
            return true;
        });
    }

    /// <summary>Orders the destruction of a version, which is out of use at once. Values written with it cannot be read then.</summary>
    /// <param name="by">Who.</param>
    /// <param name="kek">The KEK.</param>
    /// <param name="version">The version.</param>
    /// <param name="delay">How long it can be taken back; at least <see cref="LeastDestroyDelay"/>.</param>
    /// <param name="confirmation">The KEK's name again.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <param name="scan">How the administrator knows that no value needs it, for the log; null: that was not said.</param>
    /// <exception cref="AdministrationException">Wrong role, no confirmation, too short a delay, or writes use the version now.</exception>
    public Task ScheduleDestroyAsync(Administrator by, string kek, int version, TimeSpan delay, string confirmation, CancellationToken cancellation, KekScanRecord? scan = null)
    {
        DateTimeOffset now = _time.GetUtcNow();
        JsonObject details = DestroyDetails(kek, version, now + delay);
        details["scan"] = ScanDetails(scan);
        return _acts.RunAsync(by, AdministratorRole.KeyCustodian, "kek.destroy", details, async (AuditedActs.Done done) =>
        {
            await RequireDestroyableAsync(kek, version, delay, confirmation, now, cancellation);
            await _state.ScheduleDestroyAsync(kek, version, now + delay, cancellation, Moved(done));
            return true;
        });
    }

    /// <summary>Refuses what <see cref="ScheduleDestroyAsync"/> would refuse now, and does nothing else. Only a refusal is in the log.</summary>
    /// <exception cref="AdministrationException">As there.</exception>
    public Task CheckDestroyAsync(Administrator by, string kek, int version, TimeSpan delay, string confirmation, CancellationToken cancellation)
    {
        DateTimeOffset now = _time.GetUtcNow();
        return _acts.CheckAsync(by, AdministratorRole.KeyCustodian, "kek.destroy", DestroyDetails(kek, version, now + delay), async () =>
        {
            await RequireDestroyableAsync(kek, version, delay, confirmation, now, cancellation);
            return true;
        });
    }

    private async Task RequireDestroyableAsync(string kek, int version, TimeSpan delay, string confirmation, DateTimeOffset now, CancellationToken cancellation)
    {
        if (confirmation != kek)
        {
            throw new AdministrationException("the confirmation has to repeat the KEK's name: what the version protects will be lost for ever");
        }

        if (delay < LeastDestroyDelay)
        {
            throw new AdministrationException($"destruction is delayed by at least {LeastDestroyDelay.TotalHours} hours, so that a wrong order can be taken back");
        }

        Kek found = await FindAsync(kek, cancellation);
        if (found.Versions.All(known => known.Version != version))
        {
            throw new AdministrationException($"there is no version {version} of KEK {kek}", AdministrationFailure.NotFound);
        }

        if (ActiveAt(found, now)?.Version == version)
        {
            throw new AdministrationException($"writes use version {version} of KEK {kek}: rotate first, rewrap what is stored, then destroy the old version");
        }
    }

    private static JsonObject DestroyDetails(string kek, int version, DateTimeOffset at) =>
        new() { ["kek"] = kek, ["version"] = version, ["destroyAt"] = at.ToUnixTimeMilliseconds() };

    /// <summary>Takes an order to destroy back. The version is disabled then.</summary>
    /// <exception cref="AdministrationException">Wrong role.</exception>
    public Task CancelDestroyAsync(Administrator by, string kek, int version, CancellationToken cancellation) =>
        _acts.RunAsync(by, AdministratorRole.KeyCustodian, "kek.destroy-cancel", new JsonObject { ["kek"] = kek, ["version"] = version }, async (AuditedActs.Done done) =>
        {
            await _state.CancelDestroyAsync(kek, version, cancellation, Moved(done));
            return true;
        });

    /// <summary>Revokes an instance, a measurement, a platform or a KEK.</summary>
    /// <exception cref="AdministrationException">Wrong role, or an empty value.</exception>
    public Task<bool> RevokeAsync(Administrator by, RevocationKind kind, string value, string reason, CancellationToken cancellation) =>
        _acts.RunAsync(by, AdministratorRole.Operator, "revoke", Details(kind, value, reason), async (AuditedActs.Done done) => value.Length == 0
            ? throw new AdministrationException("nothing was named to revoke; 'enclaves' shows instances, measurements and platforms")
            : await _state.RevokeAsync(kind, value, reason, by.Name, cancellation, changed => done(details => details["changed"] = changed)));

    /// <summary>Takes a revocation back.</summary>
    /// <exception cref="AdministrationException">Wrong role.</exception>
    public Task<bool> UnrevokeAsync(Administrator by, RevocationKind kind, string value, CancellationToken cancellation) =>
        _acts.RunAsync(by, AdministratorRole.Operator, "unrevoke", Details(kind, value, ""), (AuditedActs.Done done) =>
            _state.UnrevokeAsync(kind, value, cancellation, lifted => done(details =>
            {
                details["changed"] = lifted is not null;
                (details["reason"], details["revokedBy"]) = (lifted?.Reason ?? "", lifted?.By ?? "");
            })));

    /// <summary>
    /// Destroys the versions whose time has come: the key first, then its record, so that a crash in between is made good the next time. What one store does
    /// not do, or not in time, keeps no other from it.
    /// </summary>
    /// <param name="patience">How long a store may take for one key.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <returns>How many, and what is wrong with the others.</returns>
    public async Task<(int Destroyed, IReadOnlyList<string> Problems)> DestroyDueAsync(TimeSpan patience, CancellationToken cancellation)
    {
        IReadOnlyList<KekVersion> due = await _state.DueForDestroyAsync(cancellation);
        List<string> problems = [];
        HashSet<string> away = [];
        int destroyed = 0;
        foreach (KekVersion version in due)
        {
            string store = "";
            try
            {
                store = (await FindAsync(version.Name, cancellation)).Record.Store;
                if (!away.Contains(store))
                {
                    await DestroyAsync(version, store, patience, cancellation);
                    destroyed++;
                }
            }
            catch (Exception e) when (e is KeyStoreException or AdministrationException or BrokerStateException or TimeoutException)
            {
                problems.Add($"KEK {version.Name} version {version.Version} in key store {store}: {e.Message}");
                if (e is TimeoutException or KeyStoreException { Failure: KeyStoreFailure.Unavailable })
                {
                    // Its other versions wait for the next time, instead of each taking as long.
                    away.Add(store);
                }
            }
        }

        return (destroyed, problems);
    }

    private async Task DestroyAsync(KekVersion due, string store, TimeSpan patience, CancellationToken cancellation)
    {
        // A token's call that hangs cannot be cancelled: it is left behind.
        await Task.Run(() => _stores.Find(store).DestroyAsync(Identity(due), cancellation), cancellation).WaitAsync(patience, _time, cancellation);
        await _state.MarkDestroyedAsync(
            due.Name, due.Version, cancellation, _ => new AuditEvent("kek.destroyed", new JsonObject { ["kek"] = due.Name, ["version"] = due.Version }));
    }

    /// <summary>The name of the key store that a KEK is made in when it is not said.</summary>
    /// <exception cref="AdministrationException">There are several.</exception>
    public string StoreOrOnly(string? name) => _stores.NameOrOnly(name);

    /// <summary>The version that writes use at a time, or null.</summary>
    public static KekVersion? ActiveAt(Kek kek, DateTimeOffset at) => kek.ActiveAt(at);

    private KekIdentity Identity(KekVersion version) => new(_authority, version.Name, checked((uint)version.Version), version.Generation);

    /// <summary>Keeps the commitment of each version that has none, of before there were any, as far as its store shows the key.</summary>
    /// <exception cref="AdministrationException">Of some the store does not give the key now; the others have theirs.</exception>
    public async Task KeepCommitmentsAsync(CancellationToken cancellation)
    {
        List<string> problems = [];
        foreach ((KekVersion version, string store) in await _state.ListWithoutCommitmentAsync(cancellation))
        {
            try
            {
                if (_stores.Find(store) is { CanRelease: true } found)
                {
                    await _state.SetCommitmentAsync(version.Name, version.Version, await KekCommitment.OfAsync(found, Identity(version), cancellation), cancellation);
                }
            }
            catch (Exception e) when (e is KeyStoreException or AdministrationException)
            {
                problems.Add($"KEK {version.Name} version {version.Version}: {e.Message}");
            }
        }

        if (problems.Count > 0)
        {
            throw new AdministrationException(string.Join("; ", problems));
        }
    }

    private Func<KekVersion, CancellationToken, Task<string>> MakeKeyIn(IKeyStore store) => async (version, token) =>
    {
        await store.CreateAsync(Identity(version), token);
        return await KekCommitment.OfAsync(store, Identity(version), token);
    };

    private static Func<KekVersion, AuditEvent> Moved(AuditedActs.Done done) => before => done(details =>
    {
        details["oldState"] = before.State.ToString();
        if (before.DestroyAt is { } at)
        {
            details["oldDestroyAt"] = at.ToUnixTimeMilliseconds();
        }
    });

    private void RequirePolicyText(string name, string yaml)
    {
        if (_policyErrors(yaml) is { Count: > 0 } errors)
        {
            throw new AdministrationException($"policy '{name}' is not accepted:\n{string.Join('\n', errors)}");
        }
    }

    private async Task<Kek> FindAsync(string name, CancellationToken cancellation) =>
        await _state.FindKekAsync(name, cancellation) ?? throw new AdministrationException($"there is no KEK {name}", AdministrationFailure.NotFound);

    private async Task<PolicyRecord> RequirePolicyAsync(string policy, CancellationToken cancellation) => await _state.FindPolicyAsync(policy, cancellation)
        ?? throw new AdministrationException($"there is no policy {policy}: set it first", AdministrationFailure.NotFound);

    // A broker cannot see etcd. What it was told stays in the log, with the digest of the report, and so does that it was told nothing.
    private static JsonNode ScanDetails(KekScanRecord? scan) => scan switch
    {
        null => JsonValue.Create("none"),
        { Waived: true } => JsonValue.Create("waived"),
        _ => new JsonObject
        {
            ["etcdCluster"] = scan.EtcdCluster, ["prefix"] = scan.Prefix, ["revision"] = scan.Revision, ["keys"] = scan.Keys,
            ["time"] = scan.Time.ToUnixTimeMilliseconds(), ["digest"] = scan.Digest,
        },
    };

    private static JsonObject Details(KekRecord kek) => new()
    {
        ["kek"] = kek.Name, ["cluster"] = kek.Cluster, ["store"] = kek.Store, ["policy"] = kek.Policy, ["release"] = kek.Release,
    };

    private static JsonObject Details(RevocationKind kind, string value, string reason) => new()
    {
        ["kind"] = kind.ToString().ToLowerInvariant(), ["value"] = value, ["reason"] = reason,
    };
}
