using System.Net;
using System.Net.Sockets;
using Cloister.Enclave.Broker;
using Cloister.Kbs;

namespace Cloister.Enclave.Tests.Broker;

public sealed class BrokerClientTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Accepts_a_pinned_key_or_what_it_issued(bool issued)
    {
        await using TestBroker broker = await TestBroker.StartAsync(issued);
        using BrokerClient client = new(broker.Options());
        (string nonce, string cookie) = await client.AuthAsync("sample", Cancellation);
        Assert.Equal(32, Convert.FromBase64String(nonce).Length);
        Assert.Equal(new string('b', 32), cookie);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_server_with_another_key_does_not_exist(bool issued)
    {
        await using TestBroker broker = await TestBroker.StartAsync(issued);
        using BrokerClient client = new(broker.Options() with { Pins = new BrokerPins([new byte[32]]) });
        BrokerException failure = await Assert.ThrowsAsync<BrokerException>(async () => await client.AuthAsync("sample", Cancellation));
        Assert.Equal(BrokerFailure.Unavailable, failure.Failure);
        Assert.Contains($"no broker answers: {broker.Url.Authority} pin: ", failure.Message, StringComparison.Ordinal);
    }

    // The pinned key, or its signature, alone is not enough: what an authority signs for others must not pass for a broker.
    [Theory]
    [InlineData(false, CertificateRole.Gateway)]
    [InlineData(true, CertificateRole.Gateway)]
    [InlineData(true, CertificateRole.Administration)]
    public async Task A_certificate_of_another_role_is_no_brokers(bool issued, string role)
    {
        await using TestBroker broker = await TestBroker.StartAsync(issued, role);
        using BrokerClient client = new(broker.Options());
        BrokerException failure = await Assert.ThrowsAsync<BrokerException>(async () => await client.AuthAsync("sample", Cancellation));
        Assert.Equal(BrokerFailure.Unavailable, failure.Failure);
        Assert.Contains("in a certificate for brokers", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_is_known_of_each_broker_whether_it_answers_and_a_probe_changes_nothing_else()
    {
        TestBroker second = await TestBroker.StartAsync();
        await using TestBroker stranger = await TestBroker.StartAsync();
        Uri gone = ClosedPort();
        AttestedFixture.ShiftedTime time = new();
        using BrokerClient client = new(second.Options() with { Urls = [second.Url, gone, stranger.Url] }, time);
        Assert.All(client.Reach, reach => Assert.True(reach is { Since: null, Failure: null }));

        await client.AuthAsync("sample", Cancellation);
        time.Forward(TimeSpan.FromSeconds(30));
        await client.ProbeAsync("sample", TimeSpan.FromSeconds(25), Cancellation);
        Assert.Equal([second.Url, gone, stranger.Url], client.Reach.Select(reach => reach.Broker));
        Assert.True(client.Reach[0] is { Failure: "", Since.TotalSeconds: < 30 }, "the one that answered last is probed too");
        Assert.True(client.Reach[1] is { Failure: "connect: ConnectionRefused", Since: null }, $"{client.Reach[1]}");
        Assert.StartsWith("pin: ", client.Reach[2].Failure, StringComparison.Ordinal);
        Assert.Null(client.Reach[2].Since);
        Assert.Equal(second.Url, client.Current);

        // One that was asked a moment ago is left alone; later it is known that it is away, and is the one to ask first still.
        await second.DisposeAsync();
        await client.ProbeAsync("sample", TimeSpan.FromSeconds(25), Cancellation);
        Assert.Equal("", client.Reach[0].Failure);
        time.Forward(TimeSpan.FromSeconds(30));
        await client.ProbeAsync("sample", TimeSpan.FromSeconds(25), Cancellation);
        Assert.NotEqual("", client.Reach[0].Failure);
        Assert.NotNull(client.Reach[0].Since);
        Assert.Equal(second.Url, client.Current);
    }

    [Fact]
    public async Task A_probe_ends_with_the_enclave_and_says_nothing_of_a_broker_then()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        using TcpListener silent = new(IPAddress.Loopback, 0);
        silent.Start();
        using BrokerClient client = new(broker.Options() with { Urls = [new Uri($"https://{silent.LocalEndpoint}")], Timeout = TimeSpan.FromMinutes(1) });
        using CancellationTokenSource stop = new();
        Task probe = client.ProbeAsync("sample", TimeSpan.Zero, stop.Token);
        using Socket connected = await silent.AcceptSocketAsync(Cancellation);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await probe);
        Assert.Null(client.Reach[0].Failure);
    }

    [Fact]
    public async Task A_broker_that_says_nothing_is_away_when_a_probes_time_is_over()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        using TcpListener silent = new(IPAddress.Loopback, 0);
        silent.Start();
        using BrokerClient client = new(broker.Options() with { Urls = [new Uri($"https://{silent.LocalEndpoint}")], Timeout = TimeSpan.FromMilliseconds(200) });
        await client.ProbeAsync("sample", TimeSpan.Zero, Cancellation);
        Assert.Equal("time-out: no answer in time", client.Reach[0].Failure);
        Assert.Null(client.Reach[0].Since);
    }

    [Fact]
    public async Task A_broker_that_goes_away_is_told_from_one_that_answers_and_keeps_when_it_answered_last()
    {
        TestBroker first = await TestBroker.StartAsync();
        await using TestBroker second = await TestBroker.StartAsync();
        AttestedFixture.ShiftedTime time = new();
        BrokerOptions options = first.Options();
        using BrokerClient client = new(options with { Urls = [second.Url, first.Url], Pins = first.Pins }, time);
        await client.AuthAsync("sample", Cancellation);
        Assert.Equal(first.Url, client.Current);
        await first.DisposeAsync();
        await Assert.ThrowsAsync<BrokerException>(async () => await client.AuthAsync("sample", Cancellation));
        Assert.NotEqual("", client.Reach[1].Failure);
        Assert.NotNull(client.Reach[1].Since);
    }

    [Fact]
    public async Task Goes_to_the_next_broker_and_stays_there()
    {
        using TcpListener closed = new(IPAddress.Loopback, 0);
        closed.Start();
        Uri silent = new($"https://{closed.LocalEndpoint}");
        closed.Stop();
        await using TestBroker broker = await TestBroker.StartAsync();
        using BrokerClient client = new(broker.Options(silent));
        Assert.Equal(silent, client.Current);
        await client.AuthAsync("sample", Cancellation);
        Assert.Equal(broker.Url, client.Current);
    }

    [Theory]
    [InlineData("Busy", BrokerFailure.Unavailable)]
    [InlineData("LeaseRevoked", BrokerFailure.Revoked)]
    [InlineData("KekNotFound", BrokerFailure.NotFound)]
    [InlineData("PolicyDeny", BrokerFailure.Refused)]
    [InlineData("TokenVerifierError", BrokerFailure.LeaseOver)]
    public async Task Errors_say_what_to_do(string error, BrokerFailure expected)
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        broker.Errors[KbsPaths.Watch] = error;
        using BrokerClient client = new(broker.Options());
        BrokerException failure = await Assert.ThrowsAsync<BrokerException>(async () => await client.WatchAsync("t", new WatchRequest("", 0), Cancellation));
        Assert.Equal(expected, failure.Failure);
        Assert.Contains($"{broker.Url.Authority} answers ", failure.Message, StringComparison.Ordinal);
        Assert.Contains($"{error} detail?", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("closes", "handshake: the connection ended")]
    [InlineData("garbage", "handshake: no TLS 1.3 with it")]
    [InlineData("silence", "time-out: no answer in time")]
    public async Task What_failed_is_named_for_each_broker(string behaviour, string expected)
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Uri url = new($"https://{listener.LocalEndpoint}");
        Uri closed = ClosedPort();
        using BrokerClient client = new(new BrokerOptions
        {
            Urls = [closed, url], Pins = new BrokerPins([new byte[32]]), Kek = "k", Timeout = TimeSpan.FromSeconds(1),
        });
        Task<BrokerException> failing = Assert.ThrowsAsync<BrokerException>(async () => await client.AuthAsync("sample", Cancellation));
        using (Socket peer = await listener.AcceptSocketAsync(Cancellation))
        {
            if (behaviour != "closes")
            {
                await peer.ReceiveAsync(new byte[64], Cancellation);
                _ = behaviour == "garbage" ? await peer.SendAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray(), Cancellation) : 0;
                await failing;
            }
        }

        BrokerException failure = await failing;
        Assert.Equal(BrokerFailure.Unavailable, failure.Failure);
        Assert.Equal($"auth: no broker answers: {closed.Authority} connect: ConnectionRefused; {url.Authority} {expected}", failure.Message);
    }

    [Fact]
    public async Task A_name_that_does_not_resolve_is_named()
    {
        using BrokerClient client = new(new BrokerOptions { Urls = [new("https://broker.invalid:8443")], Pins = new BrokerPins([new byte[32]]), Kek = "k" });
        BrokerException failure = await Assert.ThrowsAsync<BrokerException>(async () => await client.AuthAsync("sample", Cancellation));
        Assert.Contains("broker.invalid:8443 name: it does not resolve here (", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_that_is_too_long_is_the_answers()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        broker.Errors[KbsPaths.Auth] = new string('e', KbsPaths.MaxBodySize);
        using BrokerClient client = new(broker.Options());
        BrokerException failure = await Assert.ThrowsAsync<BrokerException>(async () => await client.AuthAsync("sample", Cancellation));
        Assert.Contains($"{broker.Url.Authority} answer: ConfigurationLimitExceeded", failure.Message, StringComparison.Ordinal);
    }

    // Whatever this program cannot do is not the broker's silence.
    [Fact]
    public async Task A_fault_of_this_program_is_no_silence_of_a_broker()
    {
        Uri closed = ClosedPort();
        using BrokerClient client = new(new BrokerOptions
        {
            Urls = [closed], Via = [new UnknownEndPoint()], Pins = new BrokerPins([new byte[32]]), Kek = "k",
        });
        BrokerException failure = await Assert.ThrowsAsync<BrokerException>(async () => await client.AuthAsync("sample", Cancellation));
        Assert.Equal(BrokerFailure.Fault, failure.Failure);
        Assert.DoesNotContain("no broker answers", failure.Message, StringComparison.Ordinal);
        Assert.Contains($"no broker could be asked: {closed.Authority} fault of this program: HttpRequestException, NotImplementedException", failure.Message, StringComparison.Ordinal);
    }

    // What .NET throws after a handshake where there is neither HOME nor a passwd entry: as the chain's store looks for one, and in later handshakes.
    public static TheoryData<string, bool> Chains => new()
    {
        { "errno", true }, { "no home", true }, { "initializer", true }, { "wrapped", true }, { "reset", false }, { "eof", false },
    };

    [Theory]
    [MemberData(nameof(Chains))]
    public void What_chains_need_and_do_not_find_is_a_fault_of_this_program(string what, bool isFault)
    {
        Exception inner = what switch
        {
            "errno" => new IOException("No such file or directory", 2),
            "no home" => new InvalidOperationException("The home directory of the current user could not be determined."),
            "initializer" => new TypeInitializationException("a type", new IOException("No such file or directory", 2)),
            "wrapped" => new System.Security.Authentication.AuthenticationException("failed", new IOException("No such file or directory", 2)),
            "reset" => new IOException("unable to read", new SocketException((int)SocketError.ConnectionReset)),
            _ => new IOException("unexpected EOF"),
        };
        RequestFailure failure = RequestFailure.Of(new HttpRequestException(HttpRequestError.SecureConnectionError, "see inner exception", inner));
        Assert.Equal(isFault, failure.IsFault);
        Assert.StartsWith(isFault ? "fault of this program: HttpRequestException, " : "handshake: the connection ended", failure.Text, StringComparison.Ordinal);
    }

    private static Uri ClosedPort()
    {
        using TcpListener closed = new(IPAddress.Loopback, 0);
        closed.Start();
        return new Uri($"https://{closed.LocalEndpoint}");
    }

    private sealed class UnknownEndPoint : EndPoint;
}
