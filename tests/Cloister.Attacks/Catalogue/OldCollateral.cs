using System.Net;
using Cloister.Attacks.Framework;
using Cloister.Broker.Tests;
using Cloister.Broker.Tests.Processes;
using Cloister.KeyStores.RootKeys;

namespace Cloister.Attacks.Catalogue;

/// <summary>
/// A broker has seen collateral of one TCB recovery. It is restarted, and from then on served genuine, valid collateral of the recovery before, under which a platform
/// that lost its standing has it again.
/// </summary>
internal abstract class OldCollateralAttack(string name, Attacker attacker, string has, string how) : Attack(name, attacker, has, Promise.Protected, how)
{
    private const int Before = 17;

    public override async Task<Outcome> RunAsync(Ground ground) => new(await TryAsync(ground, isControl: false), await TryAsync(ground, isControl: true));

    /// <summary>Whether the control's broker has seen the newer collateral.</summary>
    protected abstract bool ControlHasSeenNewer { get; }

    /// <summary>What is done to the database between the two starts.</summary>
    protected virtual Task ChangeAsync(BrokerFolder folder, bool isControl) => Task.CompletedTask;

    private async Task<Trial> TryAsync(Ground ground, bool isControl)
    {
        CollateralServices services = ground.Add(new CollateralServices(TimeSpan.Zero));
        BrokerFolder folder = ground.Add(new BrokerFolder { Collateral = $"{{ pccs: \"{services.Address}\" }}" });
        using SimulatedEnclave enclave = new(TimeProvider.System);
        bool hasSeenNewer = !isControl || ControlHasSeenNewer;
        services.Give(enclave, request => hasSeenNewer ? request : request with { TcbEvaluationDataNumber = Before });
        await using (BrokerProcess first = await folder.StartAsync())
        {
            await using OtherBroker admin = await folder.OpenAsync(first);
            await admin.MakeKekAsync("secrets", enclave.Policy());
            (HttpStatusCode status, string said) = await DatabaseWriterAttack.LeaseAsync(first, enclave);
            if (status != HttpStatusCode.OK)
            {
                throw new InvalidOperationException($"the enclave gets no lease before the attack: {said}");
            }
        }

        await ChangeAsync(folder, isControl);
        services.Give(enclave, request => request with { TcbEvaluationDataNumber = Before });
        BrokerProcess broker = await ground.AddAsync(folder.StartAsync());
        (HttpStatusCode answered, string detail) = await DatabaseWriterAttack.LeaseAsync(broker, enclave);
        return answered == HttpStatusCode.OK ? Trial.Success("evidence is judged by the collateral of before") : Trial.Refused($"{(int)answered} {detail}");
    }
}

/// <summary>The control: a broker that has never seen newer.</summary>
internal sealed class CollateralOfBefore() : OldCollateralAttack(
    "collateral-of-before-a-recovery", Attacker.Host, "the service that a broker has its collateral from, and restarts", "the greatest tcbEvaluationDataNumber that brokers saw of a platform model is stored")
{
    protected override bool ControlHasSeenNewer => false;
}

/// <summary>The control: the row as an operator has accepted it.</summary>
internal sealed class FloorRowLowered() : OldCollateralAttack(
    "collateral-floor-row-lowered", Attacker.DatabaseWriter, "lowers what brokers stored of the newest collateral, and has the service that they ask serve an older one",
    "rows that decide are authenticated by a key that the root key wraps")
{
    protected override bool ControlHasSeenNewer => true;

    protected override async Task ChangeAsync(BrokerFolder folder, bool isControl)
    {
        await DatabaseWriterAttack.WriteAsync(folder, "UPDATE TcbFloors SET TcbInfo = 1, QeIdentity = 1");
        if (isControl)
        {
            await OtherBroker.AcceptRowsAsync(folder.Database, FileRootKey.Open(folder.RootKeyFile));
        }
    }
}
