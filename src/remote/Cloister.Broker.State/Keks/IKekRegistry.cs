using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Rows;

namespace Cloister.Broker.State.Keks;

/// <summary>
/// Which KEKs exist and what they may be used for. Their keys are in a key store. To make a key, a delegate is called with the version's
/// number and generation before the version can be seen, so no version without a key is ever listed; if the delegate throws, its exception
/// goes to the caller and the version does not exist. secrets: none.
/// </summary>
public interface IKekRegistry
{
    /// <summary>Makes a KEK and its version 1.</summary>
    /// <param name="kek">The KEK. <see cref="KekRecord.CreatedAt"/> is replaced by now.</param>
    /// <param name="activeAt">From when on version 1 encrypts.</param>
    /// <param name="makeKey">Makes the key in the key store; its commitment, or an empty text where the store never shows the key.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <param name="log">What the audit log says of it, in the same transaction; null: nothing. May be called more than once. So with every <c>log</c> here.</param>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.Exists"/>: the name is taken (if two make it at the same moment,
    /// the loser's key remains in the key store, where nothing refers to it).</exception>
    Task<Kek> CreateKekAsync(KekRecord kek, DateTimeOffset activeAt, Func<KekVersion, CancellationToken, Task<string>> makeKey, CancellationToken cancellation, Func<KekVersion, AuditEvent>? log = null);

    /// <summary>Makes the next version.</summary>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.NotFound"/>.</exception>
    Task<KekVersion> AddVersionAsync(string name, DateTimeOffset activeAt, Func<KekVersion, CancellationToken, Task<string>> makeKey, CancellationToken cancellation, Func<KekVersion, AuditEvent>? log = null);

    /// <summary>
    /// Takes a version in that was made before, under the number and generation it had, and its KEK if that is not there. It is active now, but
    /// not after a higher version is. The version that is there already stays as it is.
    /// </summary>
    /// <param name="kek">The KEK it belongs to. Of one that is there, only name and cluster matter.</param>
    /// <param name="version">Its number.</param>
    /// <param name="generation">Its generation.</param>
    /// <param name="commitment">Of its key.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <param name="log">Is told whether the version was not there.</param>
    /// <exception cref="BrokerStateException">Refused: the KEK is another cluster's or in another store, or the version is there with another
    /// generation, or was destroyed.</exception>
    Task<Kek> RestoreVersionAsync(KekRecord kek, int version, string generation, string commitment, CancellationToken cancellation, Func<bool, AuditEvent>? log = null);

    /// <summary>Refuses what <see cref="RestoreVersionAsync"/> would refuse now; changes nothing.</summary>
    /// <exception cref="BrokerStateException">As there.</exception>
    Task CheckRestoreAsync(KekRecord kek, int version, string generation, CancellationToken cancellation);

    /// <summary>The commitment of a version's key; empty: none is kept, or there is no such version.</summary>
    Task<string> FindCommitmentAsync(string name, int version, CancellationToken cancellation);

    /// <summary>Versions whose key is there and has no commitment, each with its KEK's key store.</summary>
    Task<IReadOnlyList<(KekVersion Version, string Store)>> ListWithoutCommitmentAsync(CancellationToken cancellation);

    /// <summary>Keeps the commitment of a version that has none.</summary>
    Task SetCommitmentAsync(string name, int version, string commitment, CancellationToken cancellation);

    /// <summary>Says that writes use a version: no lower one is used for writes from now on.</summary>
    Task RaiseHighestActiveAsync(string name, int version, CancellationToken cancellation);

    /// <summary>Puts another policy in charge of a KEK.</summary>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.NotFound"/>.</exception>
    Task SetKekPolicyAsync(string name, string policy, CancellationToken cancellation, Func<KekPolicyChange, AuditEvent>? log = null);

    /// <summary>Enables or disables a version.</summary>
    /// <exception cref="BrokerStateException">Not found, or refused: it is scheduled for destruction or destroyed.</exception>
    Task SetVersionStateAsync(string name, int version, bool enabled, CancellationToken cancellation, Func<KekVersion, AuditEvent>? log = null);

    /// <summary>Schedules the destruction of a version, which is out of use at once. Again: replaces the time.</summary>
    /// <exception cref="BrokerStateException">Not found, or refused: it is destroyed.</exception>
    Task ScheduleDestroyAsync(string name, int version, DateTimeOffset at, CancellationToken cancellation, Func<KekVersion, AuditEvent>? log = null);

    /// <summary>Cancels it; the version is disabled then.</summary>
    /// <exception cref="BrokerStateException">Not found, or refused: not scheduled, or its destruction has begun.</exception>
    Task CancelDestroyAsync(string name, int version, CancellationToken cancellation, Func<KekVersion, AuditEvent>? log = null);

    /// <summary>
    /// The versions whose time to be destroyed has come: by this broker's clock, and by the time that brokers saw pass since the order. None of them can be
    /// cancelled any more: destroy the key, then mark it. To be asked every minute or so: time is counted here.
    /// </summary>
    Task<IReadOnlyList<KekVersion>> DueForDestroyAsync(CancellationToken cancellation);

    /// <summary>Says that a version's key was destroyed.</summary>
    /// <exception cref="BrokerStateException">Not found, or refused: its destruction has not begun.</exception>
    Task MarkDestroyedAsync(string name, int version, CancellationToken cancellation, Func<KekVersion, AuditEvent>? log = null);

    /// <summary>A number that is another one after each change of any KEK.</summary>
    Task<long> KeksRevisionAsync(CancellationToken cancellation);

    /// <summary>A KEK, or null.</summary>
    Task<Kek?> FindKekAsync(string name, CancellationToken cancellation, RowHead? asOf = null);

    /// <summary>The KEK's etag alone, or null.</summary>
    Task<string?> FindKekEtagAsync(string name, CancellationToken cancellation);

    /// <summary>Every KEK, or every one of a cluster, by name.</summary>
    Task<IReadOnlyList<Kek>> ListKeksAsync(string? cluster, CancellationToken cancellation);
}
