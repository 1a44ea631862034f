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
        Assert.Contains($"{error} detail?", failure.Message, StringComparison.Ordinal);
    }
}
