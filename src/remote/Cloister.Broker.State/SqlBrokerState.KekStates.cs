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
        Func<WriteTransaction, Task>? before = null) =>
        WriteAsync(
            async writes =>
            {
                if (before is not null)
                    await before(writes);
                KekRow row = await writes.FirstOrDefaultAsync<KekRow>(
                    $"SELECT {KekRow.Columns} {KekRow.From} WHERE v.Name = @name AND v.Version = @version", new { name, version = (long)version })
                    ?? throw NotFound("KEK version");
                (string state, long? destroyAt) = move(row.ToVersion(), Time(writes.Now));

                // A version that writes use when it goes out of use stays the highest that they used.
                await writes.ExecuteAsync(
                    $"""
                    UPDATE Keks SET HighestActive = @version WHERE Name = @name AND HighestActive < @version AND @version =
                      (SELECT MAX(Version) FROM KekVersions WHERE Name = @name AND State = '{KekRow.Enabled}' AND ActiveAt <= @now)
                    """,
                    new { name, version = (long)version, now = writes.Now });
                if (state == row.State && destroyAt == row.DestroyAt)
                    return row.ToVersion();
                await writes.ExecuteAsync(
                    "UPDATE KekVersions SET State = @state, DestroyAt = @destroyAt WHERE Name = @name AND Version = @version",
                    new { name, version = (long)version, state, destroyAt });
                await ChangedAsync(writes, name);
                return row.ToVersion();
            },
            log,
            cancellation);
}
