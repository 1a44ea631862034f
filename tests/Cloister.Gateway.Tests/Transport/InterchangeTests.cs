using System.Text;
using Cloister.Conformance.Harness;
using Cloister.Contracts.Etcd;
using Cloister.Gateway.Tests.Support;
using Google.Protobuf;

namespace Cloister.Gateway.Tests.Transport;

/// <summary>Switched on, off and back while Secrets are written: real API-server code on a real etcd.</summary>
public sealed class InterchangeTests
{
    private const string StoredPrefix = "k8s:enc:kms:v2:cloister:";

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(90);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task TwoApiServersAreSwitchedUnderWritesAndNothingIsLost()
    {
        await using KubernetesUnderTest kubernetes = await KubernetesUnderTest.StartAsync();
        ApiServerSeat a = kubernetes.First;
        await using ApiServerSeat b = kubernetes.Another();
        await a.WithNothingAsync();
        await b.WithNothingAsync();
        using HttpClient toA = a.Api();
        using HttpClient toB = b.Api();
        SecretWriter[] writers = [new(toA, "a1"), new(toA, "a2"), new(toB, "b1"), new(toB, "b2")];
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        Task[] writing = [.. writers.Select(writer => Task.Run(() => writer.RunAsync(over.Token), Stop))];
        try
        {
            // On: each can read what the others will write before any of them writes it.
            await StepAsync(() => b.WithProvidersAsync(KmsProvider.Identity, b.Provider));
            await StepAsync(() => a.WithGatewayAsync());
            await StepAsync(() => b.WithProvidersAsync(b.Provider, KmsProvider.Identity));

            // The gateway and the provider change places, twice.
            await StepAsync(() => a.WithProvidersAsync(a.Provider, KmsProvider.Identity));
            await StepAsync(() => b.WithGatewayAsync());
            await StepAsync(() => a.WithGatewayAsync());
            await StepAsync(() => b.WithProvidersAsync(b.Provider, KmsProvider.Identity));
            Assert.All(await StoredAsync("a1-"), value => Assert.Contains(value.Value[..4], (string[])["k8s:", "k8s\0"]));
            Assert.Contains(await StoredAsync("a1-"), value => value.Value.StartsWith(StoredPrefix, StringComparison.Ordinal));
            Assert.Contains(await StoredAsync("b1-"), value => value.Value.StartsWith(StoredPrefix, StringComparison.Ordinal));

            // Off: the provider only reads, everything is written again, each through the other API server.
            await StepAsync(() => a.WithProvidersAsync(a.Provider, KmsProvider.Identity));
            await StepAsync(() => a.WithProvidersAsync(KmsProvider.Identity, a.Provider));
            await StepAsync(() => b.WithProvidersAsync(KmsProvider.Identity, b.Provider));
            await Parallel.ForEachAsync((await a.ListAsync()).Keys, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Stop }, async (name, _) =>
                Assert.True(await writers[name[0] == 'a' ? ^1 : 0].RewriteAsync(name)));
            Assert.All(await StoredAsync(""), value => Assert.StartsWith("k8s\0", value.Value, StringComparison.Ordinal));
            await StepAsync(() => a.WithNothingAsync());
            await StepAsync(() => b.WithNothingAsync());
        }
        finally
        {
            await over.CancelAsync();
            await Task.WhenAll(writing);
        }

        await EverythingIsReadAsync();
        Assert.Equal(0, kubernetes.Etcds.Gateway.Counter("gateway_values_undecryptable"));

        // One API server is restarted while the other goes on, then both write, and both read everything.
        async Task StepAsync(Func<Task> restart)
        {
            await restart();
            int[] before = [.. writers.Select(writer => writer.Acknowledged.Count)];
            await Eventually.HoldsAsync(
                "every writer goes on", Timeout, () => Task.FromResult(writers.Zip(before).All(of => of.First.Acknowledged.Count > of.Second + 5)), Stop);
            await EverythingIsReadAsync();
        }

        async Task EverythingIsReadAsync()
        {
            KeyValuePair<string, string>[] acknowledged = [.. writers.SelectMany(writer => writer.Acknowledged.ToArray())];
            foreach (ApiServerSeat seat in (ApiServerSeat[])[a, b])
            {
                IReadOnlyDictionary<string, string> found = await seat.ListAsync();
                Assert.All(acknowledged, secret => Assert.True(
                    found.TryGetValue(secret.Key, out string? password) && SecretWriter.MayBe(secret.Key, secret.Value, password), $"{secret.Value}: found {password}"));
            }
        }

        async Task<IReadOnlyDictionary<string, string>> StoredAsync(string prefix)
        {
            RangeRequest request = new()
            {
                Key = ByteString.CopyFromUtf8($"/registry/secrets/default/{prefix}"), RangeEnd = ByteString.CopyFromUtf8(prefix.Length == 0 ? "/registry/secrets/default0" : $"/registry/secrets/default/{prefix[..^1]}."),
            };
            return (await kubernetes.Etcds.Direct.Kv.RangeAsync(request, cancellationToken: Stop)).Kvs.ToDictionary(
                kv => kv.Key.ToStringUtf8(), kv => kv.Value.ToString(Encoding.Latin1));
        }
    }

    [Theory]
    [InlineData("aescbc")]
    [InlineData("secretbox")]
    public async Task WhatAnApiServerEncryptedItselfItReadsThroughTheGateway(string provider)
    {
        string own = $"{provider}: {{keys: [{{name: key1, secret: {Convert.ToBase64String(Enumerable.Range(1, 32).Select(i => (byte)i).ToArray())}}}]}}";
        await using KubernetesUnderTest kubernetes = await KubernetesUnderTest.StartAsync();
        await kubernetes.First.WithProvidersAsync(own, KmsProvider.Identity);
        await kubernetes.CreateAsync("old", "by-the-api-server");
        await kubernetes.CreateAsync("stays", "by-the-api-server-too");
        Assert.StartsWith($"k8s:enc:{provider}:v1:key1:", await StoredAsync("old"), StringComparison.Ordinal);

        await kubernetes.First.WithGatewayAndProvidersAsync(KmsProvider.Identity, own);
        await kubernetes.CreateAsync("new", "by-the-gateway");
        (await kubernetes.Kubectl.RunAsync(Stop, "annotate", "secret", "old", "cloister.dev/adopted=1")).EnsureSuccess();
        IReadOnlyDictionary<string, string> found = await kubernetes.First.ListAsync();
        Assert.Equal(("by-the-api-server", "by-the-api-server-too", "by-the-gateway"), (found["old"], found["stays"], found["new"]));
        Assert.StartsWith(StoredPrefix, await StoredAsync("old"), StringComparison.Ordinal);
        Assert.StartsWith(StoredPrefix, await StoredAsync("new"), StringComparison.Ordinal);
        Assert.StartsWith($"k8s:enc:{provider}:v1:key1:", await StoredAsync("stays"), StringComparison.Ordinal);
        Assert.NotEqual(0, kubernetes.Etcds.Gateway.Counter("gateway_values_passed_through"));

        async Task<string> StoredAsync(string name) => Encoding.Latin1.GetString((await kubernetes.StoredAsync(name))!);
    }
}
