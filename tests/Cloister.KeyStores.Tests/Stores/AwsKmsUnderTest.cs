using Amazon.Runtime;
using Cloister.KeyStores.Aws;

namespace Cloister.KeyStores.Tests.Stores;

/// <summary>AWS KMS on this machine.</summary>
internal sealed class AwsKmsUnderTest(LocalWebServer server) : IStoreUnderTest
{
    public static async Task<AwsKmsUnderTest> StartAsync() => new(await LocalWebServer.StartAsync(new AwsKmsServer().AnswerAsync));

    public Task<IKeyStore> OpenAsync() => Task.FromResult<IKeyStore>(
        new AwsKmsKeyStore(new AwsKmsOptions { Region = "eu-central-1", Endpoint = server.Address, Credentials = new BasicAWSCredentials("tests", "secret") }));

    public ValueTask DisposeAsync() => server.DisposeAsync();
}
