return await Cloister.Broker.Host.Hosting.BrokerProgram.RunAsync(args);
