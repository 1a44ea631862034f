using Cloister.Enclave.Wire.Http2;
using Cloister.Gateway.Tests.Support;

namespace Cloister.Gateway.Tests.Http2.Conformance;

/// <summary>
/// Rules of RFC 9113 and RFC 7541 against a gateway over TLS, one connection each: for its side towards API servers, and for the one
/// towards etcd. Rules.md beside this lists the sections.
/// </summary>
public sealed class ConformanceTests(ConformanceTests.Shared shared) : IClassFixture<ConformanceTests.Shared>
{
    private static readonly Rule[] OfClients = [.. ServerRules.All, .. MessageRules.All];

    public static TheoryData<string> Clients => [.. OfClients.Select(rule => rule.Name)];

    public static TheoryData<string> Etcds => [.. ClientRules.All.Select(rule => rule.Name)];

    [Theory]
    [MemberData(nameof(Clients))]
    public void TowardsAnApiServer(string name)
    {
        Rule rule = OfClients.Single(rule => rule.Name == name);
        using Call call = new(shared.Pair);
        call.BringClientTo(rule.State);
        rule.Send(call.Client);
        if (rule.Scope == Scope.Connection)
        {
            Assert.Equal(rule.Code, Call.EndOf(call.Client));

            // The two connections of a pair end together.
            while (call.Etcd.Next() is not null)
            {
            }
        }
        else
        {
            Assert.Equal(Expected(rule), call.ClientEndings());
        }
    }

    [Theory]
    [MemberData(nameof(Etcds))]
    public void TowardsEtcd(string name)
    {
        Rule rule = ClientRules.All.Single(rule => rule.Name == name);
        using Call call = new(shared.Pair);
        call.BringEtcdTo(rule.State);
        rule.Send(call.Etcd);
        if (rule.Scope == Scope.Connection)
        {
            Assert.Equal(rule.Code, Call.EndOf(call.Etcd));

            // It is not the API server's fault.
            Assert.Equal(Http2ErrorCode.InternalError, Call.EndOf(call.Client));
        }
        else
        {
            Assert.Equal(Expected(rule), call.EtcdEndings());
        }
    }

    private static (FrameType, int, Http2ErrorCode)[] Expected(Rule rule) =>
        rule.Scope == Scope.Stream ? [(FrameType.RstStream, rule.StreamId, rule.Code)] : [];

    /// <summary>One gateway for all.</summary>
    public sealed class Shared : IAsyncLifetime
    {
        internal Pair Pair { get; } = new();

        public ValueTask InitializeAsync() => ValueTask.CompletedTask;

        public async ValueTask DisposeAsync()
        {
            Assert.DoesNotContain(Pair.Gateway.Log.Lines, line => line.Contains("fault", StringComparison.Ordinal));
            await Pair.DisposeAsync();
        }
    }
}
