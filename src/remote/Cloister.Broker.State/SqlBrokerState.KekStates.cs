using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Keks;
using Cloister.Broker.State.Sql;

namespace Cloister.Broker.State;

public sealed partial class SqlBrokerState
{
    /// <inheritdoc/>
    public Task SetVersionStateAsync(string name, int version, bool enabled, CancellationToken cancellation, Func<KekVersion, AuditEvent>? log = null) =>
        MoveAsync(
            name, version,
            (current, _) => current.State is KekVersionState.Enabled or KekVersionState.Disabled
                ? (enabled ? KekRow.Enabled : KekRow.Disabled, null)
                : throw Refused("the KEK version is scheduled for destruction, or destroyed"),
            log,
            cancellation);

    /// <inheritdoc/>
    public async Task ScheduleDestroyAsync(string name, int version, DateTimeOffset at, CancellationToken cancellation, Func<KekVersion, AuditEvent>? log = null)
    {
        await CountTimeAsync(cancellation);
        await MoveAsync(
            name, version,
            (current, _) => current.State != KekVersionState.Destroyed
                ? (KekRow.DestroyScheduled, at.ToUnixTimeMilliseconds())
                : throw Refused("the KEK version is destroyed"),
            log,
            cancellation,
            writes => OrderAsync(writes, name, version, at));
    }

    /// <inheritdoc/>
    public Task CancelDestroyAsync(string name, int version, CancellationToken cancellation, Func<KekVersion, AuditEvent>? log = null) =>
        MoveAsync(
            name, version,
            (current, _) => current.State == KekVersionState.DestroyScheduled
                ? (KekRow.Disabled, null)
                : throw Refused("the KEK version is not scheduled for destruction, or its time has come"),
            log,
            cancellation,
            writes => RequireNotBegunAsync(writes, name, version));

    /// <inheritdoc/>
    public Task MarkDestroyedAsync(string name, int version, CancellationToken cancellation, Func<KekVersion, AuditEvent>? log = null) =>
        MoveAsync(
            name, version,
            (current, _) => current.State == KekVersionState.DestroyScheduled
                ? (KekRow.Destroyed, current.DestroyAt?.ToUnixTimeMilliseconds())
                : throw Refused("the KEK version is not due for destruction"),
            log,
            cancellation,
            writes => RequireBegunAsync(writes, name, version));

    // The next state and time of destruction follow from the present ones, which nobody else can change meanwhile.
    // What is logged is told the version as it was.
    private Task<KekVersion> MoveAsync(
        string name, int version, Func<KekVersion, DateTimeOffset, (string State, long? DestroyAt)> move, Func<KekVersion, AuditEvent>? log, CancellationToken cancellation,
        Func<WriteTransaction, Task>? first = null) =>
        WriteAsync(
            async writes =>
            {
                if (await LoadKekAsync(writes, name) is null)
                    throw NotFound("KEK version");
                if (first is not null)
                    await first(writes);
                return await ChangeKekAsync(writes, name, (rows, now) =>
                {
                    KekRow row = rows.FirstOrDefault(one => one.Version == version) ?? throw NotFound("KEK version");
                    KekVersion before = row.ToVersion();
                    (string state, long? destroyAt) = move(before, Time(now));

                    // A version that writes use when it goes out of use stays the highest that they used.
                    if (rows.Where(one => one.State == KekRow.Enabled && one.ActiveAt <= now).MaxBy(one => one.Version) == row)
                        rows.ForEach(one => one.HighestActive = Math.Max(one.HighestActive, version));
                    if (state == row.State && destroyAt == row.DestroyAt)
                        return (before, null);
                    (row.State, row.DestroyAt) = (state, destroyAt);
                    rows.ForEach(one => one.Revision++);
                    return (before, row);
                });
            },
            log,
            cancellation);
}
