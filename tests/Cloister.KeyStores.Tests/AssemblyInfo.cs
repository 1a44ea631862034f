using Cloister.KeyStores.Tests.Stores;

[assembly: AssemblyFixture(typeof(SharedServers))]
