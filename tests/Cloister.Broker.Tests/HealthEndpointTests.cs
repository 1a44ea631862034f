using System.Diagnostics;
using System.Reflection;
using System.Text;
using Cloister.Broker.Host.Endpoints;
using Cloister.Broker.Host.Hosting;
using Cloister.Broker.State;
using Cloister.KeyStores;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cloister.Broker.Tests;

public sealed class HealthEndpointTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task WhatHangsIsUnavailable(bool blocks)
    {
        using ManualResetEventSlim end = new();
        Checks state = Checks.Make(() => Task.CompletedTask, out IBrokerState brokerState);
        Checks store = Checks.Make(
            () =>
            {
                if (blocks)
                {
                    end.Wait();
                }

                return blocks ? Task.CompletedTask : new TaskCompletionSource().Task;
            },
            out IKeyStore keyStore);
        HealthEndpoint endpoint = new(brokerState, new Dictionary<string, IKeyStore> { ["hsm"] = keyStore }, TimeProvider.System, new BrokerLog(NullLogger<BrokerLog>.Instance));
        long began = Stopwatch.GetTimestamp();
        Assert.Equal((503, "unavailable\n"), await AskAsync(endpoint));
        Assert.Equal((503, "unavailable\n"), await AskAsync(endpoint));
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromMinutes(1));

        // Not asked again as long as it has not answered.
        Assert.Equal((1, 1), (state.Asked, store.Asked));
        end.Set();
    }

    private static async Task<(int Status, string Text)> AskAsync(HealthEndpoint endpoint)
    {
        using MemoryStream body = new();
        DefaultHttpContext http = new() { Response = { Body = body } };
        await endpoint.ServeAsync(http);
        return (http.Response.StatusCode, Encoding.ASCII.GetString(body.ToArray()));
    }

    // Everything else is not called. Not sealed: a proxy is made of it.
#pragma warning disable CA1852
    private class Checks : DispatchProxy
    {
        private Func<Task> _check = () => Task.CompletedTask;

        public int Asked { get; private set; }

        public static Checks Make<T>(Func<Task> check, out T made)
            where T : class
        {
            made = Create<T, Checks>();
            Checks checks = (Checks)(object)made;
            checks._check = check;
            return checks;
        }

        protected override object? Invoke(MethodInfo? method, object?[]? arguments)
        {
            Assert.Equal("CheckAsync", method?.Name);
            Asked++;
            return _check();
        }
    }
}
