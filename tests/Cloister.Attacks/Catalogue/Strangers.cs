using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using Cloister.Attacks.Framework;
using Cloister.Broker.Tests;
using Cloister.Broker.Tests.Processes;
using Cloister.Kbs;
using Cloister.Simulator.Dcap;

namespace Cloister.Attacks.Catalogue;

/// <summary>Somebody without a lease, who reaches the broker's listener for enclaves and sends what he likes. Limits for sources are off: he has many addresses.</summary>
internal abstract class StrangerAttack(string name, string has, string how) : Attack(name, Attacker.Stranger, has, Promise.Protected, how)
{
    private const string NoLimits = "limits: { refusalsPerSource: 1000000, perPlatform: 1000000 }";

    protected static async Task<Target> StartAsync(Ground ground, string? collateral = null, string more = NoLimits)
    {
        BrokerFolder folder = ground.Add(new BrokerFolder { Collateral = collateral });
        BrokerProcess broker = await ground.AddAsync(folder.StartAsync(more));
        OtherBroker admin = ground.Add(await folder.OpenAsync(broker));
        KbsClient client = ground.Add(new KbsClient(broker.Url, broker.Pin));
        return new Target(folder, broker, admin, client);
    }

    protected static async Task<KbsAnswer> TryAsync(Target target, SimulatedEnclave enclave, string statement, Func<AttestRequest, AttestRequest>? change = null)
    {
        (string nonce, string session) = await target.Client.AuthAsync(enclave.TeeName);
        AttestRequest request = enclave.Answer(nonce, statement);
        return await target.Client.LeaseAsync(session, change?.Invoke(request) ?? request);
    }

    /// <summary>The same evidence, with so much beside the quote as the broker reads and nobody asked for.</summary>
    protected static AttestRequest Padded(AttestRequest request, int bytes)
    {
        string quote = request.TeeEvidence.Primary.GetProperty("quote").GetString()!;
        using JsonDocument primary = JsonDocument.Parse($$"""{"quote":"{{quote}}","padding":"{{new string('x', bytes)}}"}""");
        return request with { TeeEvidence = request.TeeEvidence with { Primary = primary.RootElement.Clone() } };
    }

    protected static AttestRequest Tampered(AttestRequest request)
    {
        byte[] quote = request.TeeEvidence.Primary.GetProperty("quote").GetBytesFromBase64();
        quote[200] ^= 1;
        using JsonDocument primary = JsonDocument.Parse($$"""{"quote":"{{Convert.ToBase64String(quote)}}"}""");
        return request with { TeeEvidence = request.TeeEvidence with { Primary = primary.RootElement.Clone() } };
    }

    protected sealed record Target(BrokerFolder Folder, BrokerProcess Broker, OtherBroker Admin, KbsClient Client)
    {
        public long DatabaseSize => Directory.EnumerateFiles(Folder.Folder, "broker.db*").Sum(file => new FileInfo(file).Length);
    }
}

internal sealed class MadeUpFmspcs() : StrangerAttack(
    "fmspcs-of-made-up-quotes", "quotes of platform models that there are not, and a PCCS that is slow to say so",
    "signatures under a pinned root come first: what nobody signed is asked of nobody")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        CollateralServices pccs = ground.Add(new CollateralServices(TimeSpan.FromSeconds(5)));
        using SimulatedEnclave enclave = new(TimeProvider.System);
        await pccs.GiveAsync(enclave);
        Target target = await StartAsync(ground, $"{{ pccs: \"{pccs.Address}\" }}");
        await target.Admin.MakeKekAsync("secrets", enclave.Policy());
        ReceivedLease lease = ReceivedLease.Read(await target.Client.LeaseAsync(enclave, "secrets"), enclave, target.Broker.Pin);
        using DcapVendor own = DcapVendor.Create(DateTimeOffset.UtcNow.AddYears(-1));
        int before = pccs.Asked.Count;
        Task<KbsAnswer>[] flood = [.. Enumerable.Range(0, 40).Select(_ => FloodAsync(target, own))];
        bool renewed = (await target.Client.RenewAsync(enclave, "secrets", lease)).Status == HttpStatusCode.OK;
        await Task.WhenAll(flood);
        int asked = pccs.Asked.Count - before;

        // Signed by a vendor that the policy trusts, it does get there.
        await FloodAsync(target, null);
        return new Outcome(
            renewed && asked == 0 ? Trial.Refused("the PCCS was not asked, and a renewal went through meanwhile") : Trial.Success($"{asked} requests to the PCCS; renewed: {renewed}"),
            pccs.Asked.Count > before + asked ? Trial.Success("a quote whose signatures hold makes the broker ask") : Trial.Refused("nothing was asked"));
    }

    private static async Task<KbsAnswer> FloodAsync(Target target, DcapVendor? vendor)
    {
        using SimulatedEnclave made = new(TimeProvider.System, fmspc: RandomNumberGenerator.GetBytes(6), vendor: vendor);
        return await TryAsync(target, made, SimulatedEnclave.Statement());
    }
}

internal sealed class MadeUpChips() : StrangerAttack(
    "chips-of-made-up-reports", "SEV-SNP reports of processors that there are not, which cannot be verified before AMD is asked",
    "strangers have a share of the requests to AMD's service; what known platforms need is not in it")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        CollateralServices kds = ground.Add(new CollateralServices(TimeSpan.Zero));
        using SimulatedGuest known = new();
        using SimulatedGuest unknown = new();
        known.GiveTo(kds);
        unknown.GiveTo(kds);
        Target target = await StartAsync(ground, $"{{ pccs: \"{kds.Address}\", kds: \"{kds.Address}\" }}");
        await target.Admin.MakeKekAsync("secrets", SimulatedGuest.Policy());
        Assert.Equal(HttpStatusCode.OK, await LeaseAsync(target, (nonce, statement) => known.Answer(nonce, statement, withCertificate: true)));
        for (int i = 0; i < 60; i++)
        {
            await LeaseAsync(target, known.MadeUp);
        }

        // Now and then there is one request more for strangers, and it may be this one that gets it.
        HttpStatusCode ofStranger = HttpStatusCode.OK;
        for (int i = 0; i < 5 && ofStranger == HttpStatusCode.OK; i++)
        {
            await LeaseAsync(target, known.MadeUp);
            ofStranger = await LeaseAsync(target, (nonce, statement) => unknown.Answer(nonce, statement, withCertificate: false));
        }

        HttpStatusCode ofKnown = await LeaseAsync(target, (nonce, statement) => known.Answer(nonce, statement, withCertificate: false));
        return new Outcome(
            ofKnown == HttpStatusCode.OK ? Trial.Refused("a known platform gets its certificate and its lease") : Trial.Success($"a known platform is told {(int)ofKnown}"),
            ofStranger == HttpStatusCode.OK ? Trial.Refused("there was enough for all") : Trial.Success("a platform that is not known has to wait"));
    }

    private static async Task<HttpStatusCode> LeaseAsync(Target target, Func<string, string, AttestRequest> evidence)
    {
        (string nonce, string session) = await target.Client.AuthAsync("snp");
        return (await target.Client.LeaseAsync(session, evidence(nonce, SimulatedEnclave.Statement()))).Status;
    }
}

internal sealed class DatabaseGrowth() : StrangerAttack(
    "database-grown-by-refusals", "300 attestations that are refused, of 400 KiB each",
    "refusals of strangers are sampled and counted, and their evidence is not kept")
{
    private const int Most = 2 * 1024 * 1024;

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Target target = await StartAsync(ground);
        using SimulatedEnclave enclave = new(TimeProvider.System);
        await target.Admin.MakeKekAsync("secrets", enclave.Policy());
        long before = target.DatabaseSize;
        for (int i = 0; i < 300; i++)
        {
            await TryAsync(target, enclave, SimulatedEnclave.Statement(), request => Padded(Tampered(request), 400 * 1024));
        }

        long refused = target.DatabaseSize - before;
        before = target.DatabaseSize;

        // Evidence that is accepted is kept, as far as it is not larger than evidence is.
        for (int i = 0; i < 300; i++)
        {
            await TryAsync(target, enclave, SimulatedEnclave.Statement(), request => Padded(request, 50 * 1024));
        }

        long accepted = target.DatabaseSize - before;
        return new Outcome(
            refused < Most ? Trial.Refused($"it grew by {refused / 1024} KiB") : Trial.Success($"it grew by {refused / 1024} KiB"),
            accepted > Most ? Trial.Success($"evidence that is kept makes it grow: {accepted / 1024} KiB") : Trial.Refused($"{accepted / 1024} KiB"));
    }
}

internal sealed class NamesTriedOut() : StrangerAttack(
    "kek-names-tried-out", "an enclave of his own on genuine hardware, and guesses of KEKs' and clusters' names",
    "evidence is judged first, by a policy that stands in where there is no KEK: one answer, whatever the name")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Target target = await StartAsync(ground);
        using SimulatedEnclave enclave = new(TimeProvider.System);
        using SimulatedEnclave own = new(TimeProvider.System);
        await target.Admin.MakeKekAsync("secrets", enclave.Policy());
        string[] strangers = await AnswersAsync(target, own);
        string[] ours = await AnswersAsync(target, enclave);
        return new Outcome(
            strangers.Distinct().Count() == 1 ? Trial.Refused(strangers[0]) : Trial.Success(string.Join(" | ", strangers)),
            ours.Distinct().Count() > 1 ? Trial.Success("an enclave that the policy accepts is told which name is none") : Trial.Refused(ours[0]));
    }

    private static async Task<string[]> AnswersAsync(Target target, SimulatedEnclave enclave)
    {
        List<string> answers = [];
        foreach ((string kek, string cluster) in ((string, string)[])[("secrets", "c1"), ("payroll", "c1"), ("secrets", "staging")])
        {
            KbsAnswer answer = await TryAsync(target, enclave, SimulatedEnclave.Statement(kek, cluster: cluster));
            answers.Add(answer.Status == HttpStatusCode.OK ? "200" : $"{(int)answer.Status} {answer.Body}");
        }

        return [.. answers];
    }
}

internal sealed class NulInAName() : StrangerAttack(
    "nul-in-a-name", "an enclave that is accepted, and a name with a character that PostgreSQL does not store",
    "names with control characters are refused before anything is written; a write that fails takes no other with it")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Target target = await StartAsync(ground);
        using SimulatedEnclave enclave = new(TimeProvider.System);
        await target.Admin.MakeKekAsync("secrets", enclave.Policy());
        KbsAnswer nul = await TryAsync(target, enclave, SimulatedEnclave.Statement(provider: """a\u0000b"""));
        int stored = (await target.Admin.State.ListLeasesAsync(null, ground.Stop)).Count;
        KbsAnswer other = await TryAsync(target, enclave, SimulatedEnclave.Statement(provider: """a\u00e4b"""));
        string? provider = await target.Admin.State.ListLeasesAsync(null, ground.Stop) is [var first, ..] ? first.Provider : null;
        return new Outcome(
            nul.Status != HttpStatusCode.OK && stored == 0 ? Trial.Refused($"{(int)nul.Status} {nul.Body}") : Trial.Success("it is on its way to the database"),
            other.Status == HttpStatusCode.OK && provider == "a\u00e4b" ? Trial.Success("another name is stored as the enclave says it") : Trial.Refused($"{(int)other.Status} {other.Body}"));
    }
}

internal sealed class IdleConnectionsAtTheBroker() : StrangerAttack(
    "idle-connections-at-the-broker", "more connections than the broker has places for, on which he sends nothing",
    "connections that are idle and of nobody known give way")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Target target = await StartAsync(ground, more: "limits: { connections: 64 }");
        using SimulatedEnclave enclave = new(TimeProvider.System);
        await target.Admin.MakeKekAsync("secrets", enclave.Policy());
        ReceivedLease lease = ReceivedLease.Read(await target.Client.LeaseAsync(enclave, "secrets"), enclave, target.Broker.Pin);
        List<Socket> idle = [];
        bool served;
        try
        {
            for (int i = 0; i < 300; i++)
            {
                Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                idle.Add(socket);
                await socket.ConnectAsync(target.Broker.Url.Host, target.Broker.Url.Port, ground.Stop);
            }

            served = await IsServedAsync(target, enclave, lease);
        }
        finally
        {
            idle.ForEach(socket => socket.Dispose());
        }

        return new Outcome(
            served ? Trial.Refused("an enclave renews its lease on a new connection") : Trial.Success("nobody gets in"),
            await ControlAsync(target, enclave, lease, ground.Stop));
    }

    // The same places, taken by connections that are in use: those do not give way.
    private static async Task<Trial> ControlAsync(Target target, SimulatedEnclave enclave, ReceivedLease lease, CancellationToken stop)
    {
        List<KbsClient> watching = [];
        List<Task> watches = [];
        try
        {
            for (int i = 0; i < 70; i++)
            {
                KbsClient client = new(target.Broker.Url, target.Broker.Pin);
                watching.Add(client);
                watches.Add(client.WatchAsync(lease.Token, lease.Terms.Etag, 30).ContinueWith(static ended => ended.Exception, stop, TaskContinuationOptions.None, TaskScheduler.Default));
            }

            await Task.Delay(TimeSpan.FromSeconds(3), stop);
            return await IsServedAsync(target, enclave, lease) ? Trial.Refused("there is place still") : Trial.Success("connections in use leave no place");
        }
        finally
        {
            watching.ForEach(client => client.Dispose());
            await Task.WhenAll(watches);
        }
    }

    private static async Task<bool> IsServedAsync(Target target, SimulatedEnclave enclave, ReceivedLease lease)
    {
        try
        {
            using KbsClient anew = new(target.Broker.Url, target.Broker.Pin);
            return (await anew.RenewAsync(enclave, "secrets", lease)).Status == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
