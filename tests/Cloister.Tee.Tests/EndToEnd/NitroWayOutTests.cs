using System.Net;
using System.Net.Sockets;
using Cloister.Contracts.Envelope;
using Cloister.Enclave.Base;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Keys.Memory;
using Cloister.Tee.Tests.Support;

namespace Cloister.Tee.Tests.EndToEnd;

/// <summary>A Nitro enclave has no network: a relay of the parent's carries its TLS to the broker, and can do nothing but that.</summary>
public sealed class NitroWayOutTests(SharedLiveBroker shared) : IClassFixture<SharedLiveBroker>
{
    private static readonly EnvelopeContext Context = new(EnvelopeContext.KmsPurpose, "c1", "tee");
    private static readonly string Digest = new('d', 96);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_KEK_comes_through_the_relay_and_is_used()
    {
        LiveBroker broker = await shared.GetAsync();
        await using RelayToBroker relay = await RelayToBroker.StartAsync(broker.Process.Url);
        (string kek, ITee tee) = await EnclaveAsync(broker);
        using SecretArena arena = new(64);
        await using AttestedCustody custody = Custody(Options(broker, kek, relay.EndPoint), tee, arena);
        while (custody.Status.Healthz != "ok")
        {
            await Task.Delay(20, Cancellation);
        }

        byte[] secret = Sample.Bytes(32, 0x3C);
        byte[] edek = new byte[Edek.MaxSize];
        EncryptResult wrapped = await custody.EncryptAsync(secret, edek, Cancellation);
        byte[] plaintext = new byte[Edek.MaxSize];
        int length = await custody.DecryptAsync(Edek.Parse(edek.AsSpan(0, wrapped.Length)).Kek, edek.AsMemory(0, wrapped.Length), plaintext, Cancellation);
        Assert.Equal(secret, plaintext[..length]);
    }

    [Fact]
    public async Task A_relay_to_another_broker_is_not_talked_to()
    {
        LiveBroker broker = await shared.GetAsync();
        await using LiveBroker other = await LiveBroker.StartAsync();
        await using RelayToBroker relay = await RelayToBroker.StartAsync(other.Process.Url);
        await UnreachableAsync(broker, relay.EndPoint);
    }

    [Fact]
    public async Task Without_a_relay_no_broker_answers_and_the_network_is_not_tried()
    {
        LiveBroker broker = await shared.GetAsync();
        string folder = Directory.CreateTempSubdirectory("cloister-").FullName;
        await UnreachableAsync(broker, new UnixDomainSocketEndPoint(Path.Combine(folder, "nobody")), broker.Process.Url);
        Directory.Delete(folder);
    }

    private static async Task UnreachableAsync(LiveBroker broker, EndPoint via, Uri? url = null)
    {
        (string kek, ITee tee) = await EnclaveAsync(broker);
        BrokerOptions options = Options(broker, kek, via);
        using BrokerSession session = Session(url is null ? options : options with { Urls = [url] }, tee);
        BrokerException failure = await Assert.ThrowsAsync<BrokerException>(async () => await session.RequestAsync("", default, [], 0, Cancellation));
        Assert.Equal(BrokerFailure.Unavailable, failure.Failure);
        Assert.Contains("no broker answers", failure.Message, StringComparison.Ordinal);
    }

    private static async Task<(string Kek, ITee Tee)> EnclaveAsync(LiveBroker broker)
    {
        string kek = LiveBroker.NewKek();
        using Subject subject = Subject.Of("nitro", broker);
        await broker.Admin.MakeKekAsync(kek, Policies.Release(kek, subject.Appraisal([]), Digest, subject.Root));
        return (kek, subject.Found());
    }

    // A name that nobody has: whoever is reached, it was not by the URL.
    private static BrokerOptions Options(LiveBroker broker, string kek, EndPoint via) => new()
    {
        Urls = [new Uri("https://broker.invalid:8443")],
        Via = [via],
        Pins = new BrokerPins([BrokerPins.ParsePin(broker.Process.Pin)]),
        Kek = kek,
        Timeout = TimeSpan.FromSeconds(20),
    };

    private static BrokerSession Session(BrokerOptions options, ITee tee) =>
        new(options, Context, Digest, tee.Evidence!, new AttestedKey(), new BrokerClient(options), TimeProvider.System);

    private static AttestedCustody Custody(BrokerOptions options, ITee tee, SecretArena arena) =>
        new(Context, Session(options, tee), arena, TimeProvider.System, new EnclaveLog((_, _, _) => { }));
}
