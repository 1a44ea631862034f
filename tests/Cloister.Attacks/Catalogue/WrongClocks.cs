using Cloister.Attacks.Framework;
using Cloister.Broker.Administration;
using Cloister.Broker.State;
using Cloister.Broker.Tests;
using Cloister.Broker.Tests.Processes;
using Cloister.KeyStores;
using Cloister.KeyStores.Database;
using Cloister.KeyStores.RootKeys;

namespace Cloister.Attacks.Catalogue;

/// <summary>A second broker on the database, whose clock is ten years ahead, and a KEK version that is to be destroyed in two days.</summary>
internal sealed class FastClock() : Attack(
    "fast-clock-destroys", Attacker.Insider, "the clock of one of the brokers", Promise.Protected,
    "as much time has to have passed as brokers saw pass, by monotonic clocks and counted in the database")
{
    public override async Task<Outcome> RunAsync(Ground ground) => new(await TryAsync(ground, passed: false), await TryAsync(ground, passed: true));

    // The control is a broker that was there all the time.
    private static async Task<Trial> TryAsync(Ground ground, bool passed)
    {
        BrokerFolder folder = ground.Add(new BrokerFolder());
        BrokerProcess broker = await ground.AddAsync(folder.StartAsync());
        await using OtherBroker admin = await folder.OpenAsync(broker);
        using SimulatedEnclave enclave = new(TimeProvider.System);
        await admin.MakeKekAsync("secrets", enclave.Policy());
        await admin.RotateAsync("secrets");
        await admin.State.ScheduleDestroyAsync("secrets", 1, DateTimeOffset.UtcNow.AddDays(2), ground.Stop);

        Clock clock = new();
        await using SqlBrokerState state = await SqlBrokerState.OpenAsync(DatabaseAddress.Parse(folder.Database), clock, ground.Stop);
        await using WrappedKeys wrapped = await WrappedKeys.OpenAsync(folder.Database, ground.Stop);
        await wrapped.UnlockAsync([FileRootKey.Open(folder.RootKeyFile)], ground.Stop);
        await state.AuthenticateAsync(await RowKeys.FindAsync(wrapped, ground.Stop), null, problem => throw new InvalidOperationException(problem), ground.Stop);
        await using DatabaseKeyStore store = await DatabaseKeyStore.OpenAsync(folder.Database, FileRootKey.Open(folder.RootKeyFile), ground.Stop);
        BrokerAdministration other = new(state, new Dictionary<string, IKeyStore> { ["database"] = store }, broker.Authority, _ => [], clock);
        clock.Ahead = TimeSpan.FromDays(3650);
        clock.Passed = passed ? clock.Ahead : TimeSpan.Zero;
        (int destroyed, IReadOnlyList<string> problems) = await other.DestroyDueAsync(TimeSpan.FromMinutes(1), ground.Stop);
        return destroyed > 0 ? Trial.Success("the key is gone") : Trial.Refused($"nothing is due; problems: {problems.Count}");
    }

    private sealed class Clock : TimeProvider
    {
        public TimeSpan Ahead { get; set; }

        public TimeSpan Passed { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Ahead;

        public override long GetTimestamp() => Passed.Ticks;
    }
}
